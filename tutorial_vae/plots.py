"""Figures in one style, readable in light and dark pages and without colour vision.

Every function returns a Matplotlib figure that is shown once as the last line of a notebook cell
and can be saved with ``.savefig(path)``. No function needs a display.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from .data import ImageSet
from .similarity import LayerSimilarity
from .training import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .transfer import TransferCard
    from .transfer.card import Profile
    from .transfer.recommendation import Estimate

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
_WIDTH = 6.6

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


def _empty_figure(width: float, height: float, layout: str | None = None) -> "Figure":
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(width, height), layout=layout)
    # Closed figures are drawn where they are returned, and not a second time at the cell's end.
    plt.close(figure)
    return figure


def _figure(width: float, height: float, ax: "Axes | None", **grid: Any) -> Any:
    """Return a new figure and its axes, or those of the axes given."""
    if ax is not None:
        return ax.figure, ax
    figure = _empty_figure(width, height, layout="constrained")
    return figure, figure.subplots(**grid)


def _styled() -> Any:
    import matplotlib

    return matplotlib.rc_context(STYLE)


def _pictures(images: ImageSet | Tensor) -> np.ndarray:
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
        lines = [(label, _pictures(images)[:columns]) for label, images in rows.items()]
    else:
        pictures = _pictures(rows)
        lines = [("", pictures[i : i + columns]) for i in range(0, len(pictures), columns)]
    if not lines or not all(len(pictures) for _, pictures in lines):
        raise ValueError("rows must hold at least one image each")
    columns = max(len(pictures) for _, pictures in lines)
    side, gap = _WIDTH / columns, 0.05  # inches
    line_height = side + 0.27 * any(label for label, _ in lines)
    height = len(lines) * line_height + 0.3 * bool(title)
    with _styled():
        figure = _empty_figure(_WIDTH, height)
        for line, (label, pictures) in enumerate(lines):
            bottom = (len(lines) - line - 1) * line_height
            for column, picture in enumerate(pictures):
                left, inner = column * side, side - gap
                ax = figure.add_axes(
                    (left / _WIDTH, bottom / height, inner / _WIDTH, inner / height)
                )
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


def training_curves(
    histories: History | Mapping[str, History], *, colours: Sequence[str] | None = None
) -> "Figure":
    """Draw ELBO, log-likelihood and KL against the training step.

    Args:
        histories: one history, or several under the names to show in the legend.
        colours: one colour a history, when the histories stand for something that has a colour.

    Raises:
        ValueError: a history has no row.
    """
    named = {"": histories} if isinstance(histories, History) else dict(histories)
    if not named or not all(len(history) for history in named.values()):
        raise ValueError("histories must hold at least one row each")
    colours = list(colours or ("#333333", *OTHER_COLOURS))
    parts = {"elbo": "ELBO", "log_likelihood": "log-likelihood", "kl": "KL"}
    with _styled():
        figure, axes = _figure(_WIDTH, 2.6, None, ncols=len(parts))
        for ax, (field, title) in zip(axes, parts.items(), strict=True):
            for (label, history), colour in zip(named.items(), colours, strict=False):
                ax.plot(history.step, getattr(history, field), color=colour, label=label)
                if label and field == "elbo":
                    ax.legend(loc="lower right")
            ax.set(title=title, xlabel="step")
        axes[0].set_ylabel("nats per image")
    return figure


# What axes call the measures of compare_layers.
_MEASURES = {
    "cka": "CKA",
    "procrustes": "Procrustes similarity",
    "rsa": "RSA",
    "regression": "R² of regression",
}


def similarity_map(
    similarity: LayerSimilarity,
    *,
    ax: "Axes | None" = None,
    row_title: str = "first model",
    column_title: str = "second model",
) -> "Figure":
    """Draw the similarity of all pairs of layers as a map on a fixed scale from 0 to 1.

    Args:
        similarity: what :func:`tutorial_vae.compare_layers` returned.
        ax: axes to draw into; a new figure when not given.
        row_title: name of the model whose layers are the rows.
        column_title: name of the model whose layers are the columns.
    """
    rows, columns = len(similarity.rows), len(similarity.columns)
    with _styled():
        figure, ax = _figure(_WIDTH, 1.5 + (_WIDTH - 2.8) * rows / columns, ax)
        image = ax.imshow(similarity.values, cmap=SIMILARITY_MAP, vmin=0, vmax=1)
        ax.grid(visible=False)
        ax.set_xticks(range(columns), similarity.columns, rotation=90)
        ax.set_yticks(range(rows), similarity.rows)
        for labels in (ax.get_xticklabels(), ax.get_yticklabels()):
            for label in labels:
                label.set_color(COLOURS[layer_part(label.get_text())])
        ax.set(xlabel=column_title, ylabel=row_title)
        figure.colorbar(image, ax=ax, label=_MEASURES[similarity.measure], shrink=0.8)
    return figure


def layer_profiles(
    similarities: Mapping[str, LayerSimilarity],
    *,
    controls: Sequence[str] = (),
    ax: "Axes | None" = None,
) -> "Figure":
    """Draw how alike two models are layer by layer: each layer against its namesake.

    Args:
        similarities: comparisons of models of one architecture, under the names to show. The first
            is drawn in the colour of the source, the second in that of the target.
        controls: the names of comparisons that are controls, drawn grey and dashed.
        ax: axes to draw into; a new figure when not given.

    Raises:
        ValueError: the comparisons do not have the same layers as rows and as columns, or a name
            in ``controls`` is none of theirs.
    """
    if not similarities:
        raise ValueError("similarities must hold at least one comparison")
    layers = next(iter(similarities.values())).rows
    for name, similarity in similarities.items():
        if similarity.rows != layers or similarity.columns != layers:
            raise ValueError(f"the comparison {name!r} does not have the same layers on both sides")
    if missing := set(controls) - set(similarities):
        raise ValueError(f"controls names no comparison: {sorted(missing)}")
    drawn = iter([COLOURS["source"], COLOURS["target"], *OTHER_COLOURS])
    dashes = iter([(0, (6, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2))])
    markers = iter("osD^v<>p")
    with _styled():
        figure, ax = _figure(_WIDTH, 4.2, ax)
        for name, similarity in similarities.items():
            values = np.diag(similarity.values)
            control = name in controls
            colour = COLOURS["control"] if control else next(drawn, COLOURS["encoder"])
            ax.plot(
                range(len(layers)),
                values,
                color=colour,
                linestyle=next(dashes, "--") if control else "-",
                marker=next(markers, "o"),
                markersize=5,
                label=name,
            )
            if not control:
                low, high = similarity.interval()
                ax.fill_between(
                    range(len(layers)), np.diag(low), np.diag(high), color=colour, alpha=0.25, lw=0
                )
        ax.set_xticks(range(len(layers)), layers, rotation=60, ha="right", rotation_mode="anchor")
        for label in ax.get_xticklabels():
            label.set_color(COLOURS[layer_part(label.get_text())])
        lowest = [float(np.nanmin(np.diag(s.values))) for s in similarities.values()]
        measure = _MEASURES[next(iter(similarities.values())).measure]
        ax.set(ylabel=measure, ylim=(math.floor(min(0.0, *lowest) * 10) / 10, 1.02))
        # Above the axes: inside, it would hide what some comparison has to show.
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
    return figure


# What a card's marks are called, how they look without colour, and their colours.
_CARD_MARKS = {
    "source": ("source", "o", COLOURS["source"]),
    "target": ("target model", "s", COLOURS["target"]),
    "untrained": ("untrained", "D", COLOURS["control"]),
    "pca": ("PCA", "^", COLOURS["control"]),
    "pixels": ("pixels", "v", COLOURS["control"]),
    "mean image": ("mean image", "x", COLOURS["control"]),
}


def transfer_card(card: "TransferCard") -> "Figure":
    """Draw a card: pictures, layers, scores, a map of the latents, and their activity.

    Args:
        card: what :func:`tutorial_vae.assess` returned.
    """
    with _styled():
        figure = _empty_figure(_WIDTH, 13.5, layout="constrained")
        parts: Any = figure.subfigures(3, 1, height_ratios=(3.3, 5, 5.2))
        top, middle, bottom = parts
        pictures, errors = top.subplots(2, 1, height_ratios=(2.2, 1))
        _card_pictures(card, pictures)
        _card_rows(errors, dict(card.errors), "squared error per pixel, held out (lower is better)")
        errors.set_xlim(left=0)
        layers = middle.subplots(1, len(card.alignment), sharey=True, squeeze=False)[0]
        for ax, (name, profiles) in zip(layers, card.alignment.items(), strict=True):
            _card_layers(ax, card.layers, profiles)
            ax.set(title=f"CKA with {name}", ylim=(len(card.layers) - 0.5, -0.5))
        # Outside, or its marks would read as values.
        named = layers[-1].get_legend_handles_labels()
        middle.legend(*named, loc="outside lower center", ncols=3)
        grid = bottom.subplots(2, 2)
        _card_map(card, grid[0, 0])
        _card_units(card, grid[0, 1])
        for ax, (score, title) in zip(
            grid[1], {"knn_accuracy": "5-neighbour accuracy", "logme": "LogME"}.items(), strict=True
        ):
            if score in card.scores:
                _card_rows(ax, dict(card.scores[score]), title)
            else:
                ax.set_axis_off()
    return figure


def _card_pictures(card: "TransferCard", ax: "Axes") -> None:
    rows = [_pictures(card.pictures[name]) for name in ("images", "source", "target")]
    lines = [np.concatenate(list(row), axis=1) for row in rows]
    ax.imshow(np.concatenate(lines, axis=0), vmin=0, vmax=1, interpolation="nearest")
    height = len(lines[0])
    ax.set_yticks(
        [height * (line + 0.5) for line in range(3)], ["held out", "source", "target model"]
    )
    ax.set_xticks([])
    ax.grid(visible=False)


def _card_rows(ax: "Axes", estimates: "dict[str, Estimate]", title: str) -> None:
    """Draw one mark with its interval in each row."""
    for row, (name, (value, low, high)) in enumerate(estimates.items()):
        _, marker, colour = _CARD_MARKS[name]
        ax.plot(value, row, marker, color=colour)
        ax.plot([low, high], [row, row], color=colour)
    ax.set(title=title, ylim=(len(estimates) - 0.5, -0.5))
    ax.set_yticks(range(len(estimates)), [_CARD_MARKS[name][0] for name in estimates])


def _card_layers(ax: "Axes", layers: Sequence[str], profiles: "Mapping[str, Profile]") -> None:
    rows = np.arange(len(layers))
    for name in reversed(list(profiles)):  # so that the source lies on top
        values, low, high = profiles[name]
        label, marker, colour = _CARD_MARKS[name]
        ax.plot(values, rows, marker, color=colour, label=label)
        ax.hlines(rows, low, high, color=colour)
    ax.set_yticks(rows, layers)
    # Only the first of several axes has labels.
    for name, tick in zip(layers, ax.get_yticklabels(), strict=False):
        tick.set_color(COLOURS[layer_part(name)])


def _card_map(card: "TransferCard", ax: "Axes") -> None:
    across, down = card.maps["source"].T
    labels = None if card.images.labels is None else card.images.labels.numpy()
    if labels is None:
        ax.scatter(across, down, s=5, color=COLOURS["target"])
    else:
        palette = [*(COLOURS[part] for part in ("encoder", "decoder", "latent")), *OTHER_COLOURS]
        for place, label in enumerate(np.unique(labels)):
            chosen = labels == label
            marker = "os^vD"[place // len(palette) % 5]
            colour = palette[place % len(palette)]
            ax.scatter(across[chosen], down[chosen], s=5, color=colour, marker=marker)
    ax.set(title="source latents (t-SNE)", xticks=[], yticks=[])


def _card_units(card: "TransferCard", ax: "Axes") -> None:
    variances = {"target": card.units.variances}
    if card.source_units is not None:
        variances["source"] = card.source_units.variances
    for name, values in variances.items():
        _, marker, colour = _CARD_MARKS[name]
        label = "on the target" if name == "target" else "on its own images"
        units = range(1, len(values) + 1)
        ax.plot(units, values.numpy(), marker, color=colour, label=label)
    ax.locator_params(axis="x", integer=True)
    ax.axhline(0.01, color=COLOURS["control"], linestyle="--", label="active above")
    ax.set(title="variance of latents", xlabel="latent", yscale="log")
    ax.legend(fontsize=9)
