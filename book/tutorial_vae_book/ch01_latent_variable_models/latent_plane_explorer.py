"""The latent plane explorer: drag a point over two latents, and see what it decodes to."""

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import traitlets
from jaxtyping import Float
from torch import Tensor

from tutorial_vae.explorer import Choice, ChoiceExplorer, script, style

_MARGIN = 0.04  # of the plane's side, around the outermost code
_LEAST_REACH = 3.2  # the plane always shows the standard normal out to here


@dataclass(frozen=True, eq=False)
class LatentPlane:
    """A square of a two-dimensional latent space: codes of images, and pictures decoded on a grid.

    Attributes:
        codes: latents of the images to mark, of shape (n, 2).
        pictures: pictures decoded on an even grid that covers the square, edges included, of shape
            (points, points, height, width): first index the second latent, from low to high;
            second index the first latent.
        corner: the lowest values of both latents.
        side: length of the square's side.

    Raises:
        ValueError: an array has another shape or holds values that are not finite, there are fewer
            than 3 codes, or the side is not positive.
    """

    codes: np.ndarray
    pictures: np.ndarray
    corner: tuple[float, float]
    side: float

    def __post_init__(self) -> None:
        codes, pictures = self.codes.shape, self.pictures.shape
        if len(codes) != 2 or codes[1] != 2 or codes[0] < 3:
            raise ValueError(f"codes must have the shape (n, 2) with n of at least 3, not {codes}")
        if len(pictures) != 4 or pictures[0] != pictures[1] or pictures[0] < 2:
            raise ValueError(
                "pictures must have the shape (points, points, height, width) with at least 2 "
                f"points, not {pictures}"
            )
        for name in ("codes", "pictures"):
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f"{name} must be finite")
        if not 0 < self.side < math.inf:
            raise ValueError(f"side must be a positive number, not {self.side!r}")

    def at(self, first: float, second: float) -> np.ndarray:
        """Return the picture at a point: the four pictures around it, mixed bilinearly.

        Args:
            first: first latent; beyond the edge the edge counts.
            second: second latent, likewise.
        """
        last = len(self.pictures) - 1
        places = (np.array([first, second]) - self.corner) / self.side * last
        places = places.clip(0, last)
        across, up = np.minimum(places.astype(int), last - 1)
        right, above = places - (across, up)
        square = self.pictures[up : up + 2, across : across + 2]
        upright = np.array([1 - above, above])
        level = np.array([1 - right, right])
        return np.einsum("i,j,ijhw->hw", upright, level, square)


def decode_plane(
    decode: Callable[[Float[Tensor, "n 2"]], Tensor],
    codes: Float[Tensor, "n 2"],
    *,
    points: int = 15,
) -> LatentPlane:
    """Decode an even grid over the square that holds some codes and most of a standard normal.

    Args:
        decode: turns latents into grey pictures of shape (n, 1, height, width), with pixels in
            [0, 1]; values outside are shown as black or white.
        codes: latents of the images to mark.
        points: grid points a side. Two are enough for a decoder that is linear.

    Raises:
        ValueError: the codes are not pairs, there are too few points, or the pictures are not grey.
    """
    marked = codes.detach().cpu().double().numpy()
    if marked.ndim != 2 or marked.shape[1] != 2:
        raise ValueError(f"codes must have the shape (n, 2), not {marked.shape}")
    if points < 2:
        raise ValueError(f"points must be at least 2, not {points!r}")
    low = np.minimum(marked.min(axis=0), -_LEAST_REACH)
    high = np.maximum(marked.max(axis=0), _LEAST_REACH)
    side = float((high - low).max()) * (1 + 2 * _MARGIN)
    corner = (low + high - side) / 2
    steps = torch.linspace(0, side, points, dtype=torch.float64)
    second, first = torch.meshgrid(corner[1] + steps, corner[0] + steps, indexing="ij")
    grid = torch.stack([first.flatten(), second.flatten()], dim=1).to(codes)
    with torch.no_grad():
        pictures = decode(grid).detach().cpu().double().numpy()
    if pictures.ndim != 4 or pictures.shape[:2] != (points**2, 1):
        raise ValueError(
            f"decode must return pictures of shape ({points**2}, 1, height, width) for "
            f"{points**2} latents, not {pictures.shape}"
        )
    height, width = pictures.shape[2:]
    return LatentPlane(
        codes=marked,
        pictures=pictures.reshape(points, points, height, width),
        corner=(float(corner[0]), float(corner[1])),
        side=side,
    )


class LatentPlaneExplorer(ChoiceExplorer):
    """Latent planes of several models with a point to drag over them, and what it decodes to.

    The decoded grids travel in the state of the widget, one byte a pixel; between grid points the
    front end mixes the four pictures around, so it works with a kernel and without one.

    Args:
        planes: planes to choose from, by the name that the menu shows. They mark the same images
            in the same order: when the menu changes, the point goes where the new model puts the
            image whose code was nearest.
        labels: class of each marked image, as a short text that is drawn at its code.

    Attributes:
        model: name of the chosen plane; follows the menu, and may be set.
        point: both latents of the point; follows the sliders and the pointer, and may be set.

    Raises:
        ValueError: there is no plane, or planes and labels are of different numbers of images.

    Example:
        >>> plane = decode_plane(lambda z: model.decode(z).mean, model.encode(x).mean)
        >>> explorer = LatentPlaneExplorer({"VAE": plane}, labels=["7", "2", "1"])
    """

    _esm = script(__file__)
    _css = style(__file__)

    model = Choice("model")
    point = traitlets.List(traitlets.Float(), minlen=2, maxlen=2).tag(sync=True)

    def __init__(self, planes: Mapping[str, LatentPlane], *, labels: Sequence[str]) -> None:
        if not planes:
            raise ValueError("planes is empty; give at least one plane")
        for name, plane in planes.items():
            if len(plane.codes) != len(labels):
                raise ValueError(
                    f"planes[{name!r}] marks {len(plane.codes)} images, but there are "
                    f"{len(labels)} labels"
                )
        described = {name: _described(plane) for name, plane in planes.items()}
        super().__init__(
            {"model": planes},
            {"point": next(iter(described.values()))["codes"][0]},
            planes=described,
            labels=[str(label) for label in labels],
        )

    def _summary(self) -> str:
        return ", ".join(self.data["planes"])

    @traitlets.validate("point")
    def _finite_point(self, proposal: Any) -> list[float]:
        if not all(map(math.isfinite, proposal["value"])):
            raise ValueError(f"point must hold two finite numbers, got {proposal['value']}")
        return proposal["value"]


def _described(plane: LatentPlane) -> dict[str, Any]:
    # A linear decoder's pictures leave [0, 1]; cut off there, they would be linear no more.
    low, high = min(0.0, plane.pictures.min()), max(1.0, plane.pictures.max())
    levels = np.round((plane.pictures - low) / (high - low) * 255).astype(np.uint8)
    points, _, height, width = plane.pictures.shape
    return {
        "codes": np.round(plane.codes, 3).tolist(),
        "mean": np.round(plane.codes.mean(axis=0), 3).tolist(),
        "spread": np.round(np.linalg.cholesky(np.cov(plane.codes.T)), 3).tolist(),
        "corner": list(plane.corner),
        "side": plane.side,
        "points": points,
        "height": height,
        "width": width,
        "low": float(low),
        "high": float(high),
        "pictures": base64.b64encode(levels.tobytes()).decode(),
    }
