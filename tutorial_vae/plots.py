"""Figures in one style, readable in light and dark pages and without colour vision.

Every function returns a Matplotlib figure that is shown once as the last line of a notebook cell
and can be saved with ``.savefig(path)``. No function needs a display.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from .data import ImageSet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# Okabe & Ito's colour-blind safe palette; a colour means the same thing in every figure, explorer
# and diagram of the book.
COLOURS = {
    "encoder": "#0072B2",
    "latent": "#009E73",
    "decoder": "#D55E00",
    "source": "#CC79A7",
    "target": "#56B4E9",
    "control": "#7F7F7F",
}

# The rest of the palette, for what has no meaning of its own.
OTHER_COLOURS = ("#E69F00", "#8C6D00", "#5B4FA2", "#000000")

# Similarities are always drawn on this map, from 0 to 1.
SIMILARITY_MAP = "viridis"

# At this width in inches, type of 12 points is still legible on a telephone.
WIDTH = 6.6

STYLE: Any = {
    "figure.facecolor": "white",
    "figure.dpi": 120,
    "font.size": 12,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#444444",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "image.cmap": "gray",
}


def layer_part(name: str) -> str:
    """Return which part of a VAE a layer belongs to: ``encoder``, ``latent`` or ``decoder``.

    Args:
        name: a layer's name, for example ``"encoder.conv1"`` or ``"encoder.mean"``.
    """
    if name.endswith(("mean", "log_var")):
        return "latent"
    return "decoder" if name.startswith("decoder") else "encoder"


def empty_figure(width: float, height: float, layout: str | None = None) -> "Figure":
    """Return a figure of a size in inches that is shown only where it is returned."""
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(width, height), layout=layout)
    # Closed figures are drawn where they are returned, and not a second time at the cell's end.
    plt.close(figure)
    return figure


def new_figure(width: float, height: float, ax: "Axes | None", **grid: Any) -> Any:
    """Return a new figure and its axes, or those of the axes given."""
    if ax is not None:
        return ax.figure, ax
    figure = empty_figure(width, height, layout="constrained")
    return figure, figure.subplots(**grid)


def styled() -> Any:
    """Draw in the style of the book inside the block."""
    import matplotlib

    return matplotlib.rc_context(STYLE)


def pictures_of(images: ImageSet | Tensor) -> np.ndarray:
    """Return images as (n, height, width, channels) floats in [0, 1], three channels or one."""
    if isinstance(images, ImageSet):
        images = images.images
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise ValueError(
            "images must have the shape (n, channels, height, width) with 1 or 3 channels, not "
            f"{tuple(images.shape)}"
        )
    pixels = images.detach().cpu()
    pixels = pixels.float() / 255 if pixels.dtype == torch.uint8 else pixels.float().clamp(0, 1)
    return pixels.movedim(1, -1).numpy()


def image_grid(
    rows: Mapping[str, ImageSet | Tensor] | ImageSet | Tensor,
    *,
    columns: int = 10,
    title: str = "",
) -> "Figure":
    """Draw images in a grid.

    Args:
        rows: images of shape (n, channels, height, width), uint8 or floats in [0, 1], laid out
            from left to right; or a mapping from row labels to the images of each row, of which
            the first ``columns`` are drawn.
        columns: images a row.
        title: a line above all rows.

    Raises:
        ValueError: there is no image, or the images have another shape.
    """
    if isinstance(rows, Mapping):
        lines = [(label, pictures_of(images)[:columns]) for label, images in rows.items()]
    else:
        pictures = pictures_of(rows)
        lines = [("", pictures[i : i + columns]) for i in range(0, len(pictures), columns)]
    if not lines or not all(len(pictures) for _, pictures in lines):
        raise ValueError("rows must hold at least one image each")
    columns = max(len(pictures) for _, pictures in lines)
    side, gap = WIDTH / columns, 0.05  # inches
    line_height = side + 0.27 * any(label for label, _ in lines)
    height = len(lines) * line_height + 0.3 * bool(title)
    with styled():
        figure = empty_figure(WIDTH, height)
        for line, (label, pictures) in enumerate(lines):
            bottom = (len(lines) - line - 1) * line_height
            for column, picture in enumerate(pictures):
                left, inner = column * side, side - gap
                ax = figure.add_axes((left / WIDTH, bottom / height, inner / WIDTH, inner / height))
                ax.imshow(picture, vmin=0, vmax=1, interpolation="nearest")
                ax.set_axis_off()
            # Above the row rather than beside it, where it would take the pictures' width.
            figure.text(0, (bottom + side) / height, label)
        figure.text(0, 1, title, va="top", fontweight="bold")
    return figure


def contact_sheet(images: ImageSet, *, columns: int = 12, rows: int = 8) -> "Figure":
    """Draw the first images of a set, with the set's name, shape and classes above them.

    Args:
        images: the set.
        columns: images a row.
        rows: rows at most.
    """
    shape = "×".join(map(str, images.image_shape))
    title = f"{images.name}: {len(images):,} images of {shape}"
    if images.class_names:
        title += f", {len(images.class_names)} classes"
    return image_grid(images[: columns * rows], columns=columns, title=title)
