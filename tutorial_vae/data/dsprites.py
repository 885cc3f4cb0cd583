"""Sprites on the factor grid of dSprites, drawn here.

The grid, its order and its values are those of the published set (Matthey, Higgins, Hassabis &
Lerchner 2017): 3 shapes × 6 scales × 40 orientations × 32 × 32 positions, 737,280 pictures of
64×64 pixels, black or white. The pictures are drawn by this module after that description; they are
not the published file, and single pixels differ from it. As there, orientations 0 and 39 (0 and 2π)
are one picture, and one position step moves a sprite by one pixel.
"""

import math
from functools import lru_cache

import torch
from jaxtyping import Bool, Int64, UInt8
from torch import Tensor

from .imageset import ImageSet
from .pixels import to_square
from .request import Request

SHAPES = ("square", "ellipse", "heart")
FACTOR_NAMES = ("shape", "scale", "orientation", "position_x", "position_y")
FACTOR_SIZES = (3, 6, 40, 32, 32)
FACTOR_VALUES: dict[str, tuple[float, ...]] = {
    "shape": (1.0, 2.0, 3.0),
    "scale": tuple(0.5 + 0.1 * step for step in range(6)),
    "orientation": tuple(2 * math.pi * step / 39 for step in range(40)),
    "position_x": tuple(step / 31 for step in range(32)),
    "position_y": tuple(step / 31 for step in range(32)),
}
COUNT = math.prod(FACTOR_SIZES)

_CANVAS = 64
_PLACES = (3, 6, 32, 32)  # shapes, scales and positions, all but the orientations
_FIRST_CENTRE = 16  # pixel that a sprite at position 0 is centred on
# Extents at scale 1, in pixels. No sprite reaches further than half a window from its centre.
_SQUARE_HALF_SIDE = 9.1
_ELLIPSE_HALF_AXES = (13.1, 6.6)
_HEART_UNIT = 9.3
_HEART_MIDDLE = 0.118  # height of the middle of the heart's curve, in its own units
_WINDOW = 29
_PIXELS_AT_ONCE = 2**21


def factors_of(indices: Int64[Tensor, " count"]) -> Int64[Tensor, "count 5"]:
    """Return the factors of pictures, each as an index into ``FACTOR_VALUES``.

    Args:
        indices: numbers of pictures, in the published order (shape slowest, position_y fastest).

    Raises:
        ValueError: there is no picture of that number.
    """
    _check_range("indices", indices, COUNT)
    return torch.stack(torch.unravel_index(indices, FACTOR_SIZES), dim=1)


def index_of(factors: Int64[Tensor, "count 5"]) -> Int64[Tensor, " count"]:
    """Return the numbers of the pictures with the given factors; undoes :func:`factors_of`.

    Args:
        factors: shape, scale, orientation, position_x and position_y, each as an index.

    Raises:
        ValueError: a factor has no such value.
    """
    indices = torch.zeros(len(factors), dtype=torch.int64)
    for column, (name, size) in enumerate(zip(FACTOR_NAMES, FACTOR_SIZES, strict=True)):
        _check_range(name, factors[:, column], size)
        indices = indices * size + factors[:, column]
    return indices


def render(
    indices: Int64[Tensor, " count"], *, size: int = _CANVAS
) -> UInt8[Tensor, "count 1 {size} {size}"]:
    """Draw pictures by their numbers.

    Args:
        indices: numbers of pictures in the published order, see :func:`factors_of`.
        size: side of the pictures, in pixels. At multiples of 64 a pixel is 0 or 255; other sizes
            are averaged down from the next multiple.

    Returns:
        White sprites on black, of shape (count, 1, size, size).

    Raises:
        ValueError: there is no picture of that number.

    Reference: Matthey, Higgins, Hassabis & Lerchner 2017 for the factors; see the module for what
    differs.
    """
    factors = factors_of(indices)
    multiple = math.ceil(size / _CANVAS)
    sprites = _sprites(multiple)
    side, window = _CANVAS * multiple, _WINDOW * multiple
    pictures = torch.empty(len(indices), 1, size, size, dtype=torch.uint8)
    offsets = torch.arange(window)
    at_once = max(1, _PIXELS_AT_ONCE // side**2)
    for start in range(0, len(indices), at_once):
        shape, scale, orientation, x, y = factors[start : start + at_once].T
        canvas = torch.zeros(len(shape), side, side, dtype=torch.uint8)
        corner = torch.stack((y, x)) + _FIRST_CENTRE - _WINDOW // 2
        rows, columns = corner[:, :, None] * multiple + offsets
        canvas[torch.arange(len(shape))[:, None, None], rows[:, :, None], columns[:, None, :]] = (
            sprites[shape, scale, orientation]
        )
        pictures[start : start + at_once] = to_square(canvas[:, None], size)
    return pictures


def in_test(indices: Int64[Tensor, " count"]) -> Bool[Tensor, " count"]:
    """Return which pictures belong to the test part, about one in five.

    All orientations of one shape, at one scale and place, fall on the same side: some of them are
    the same picture, and more become so at small sizes.
    """
    shape, scale, _, x, y = factors_of(indices).T
    return _test_places()[shape, scale, x, y]


def load(request: Request) -> ImageSet:
    """Draw a random sample without repetition from the part of the grid that is asked for."""
    is_wanted = _test_places()[:, :, None] == request.is_test
    numbers = is_wanted.expand(FACTOR_SIZES).flatten().nonzero()[:, 0]
    order = torch.randperm(len(numbers), generator=request.generator())
    chosen = numbers[order[: request.count]]
    factors = factors_of(chosen)
    return request.deliver(
        render(chosen, size=request.size), factors[:, 0].clone(), SHAPES, factors, FACTOR_NAMES
    )


@lru_cache(maxsize=1)
def _test_places() -> Bool[Tensor, "3 6 32 32"]:
    """Return for each shape, scale and place whether it is for testing, by a fixed hash."""
    mixed = torch.arange(math.prod(_PLACES))
    for shift, factor in ((15, 0x9E3779B1), (13, 0x85EBCA6B)):
        mixed = (mixed * factor) & 0xFFFFFFFF
        mixed = mixed ^ (mixed >> shift)
    return (mixed % 5 == 0).view(_PLACES)


@lru_cache(maxsize=2)
def _sprites(multiple: int) -> UInt8[Tensor, "shape scale orientation height width"]:
    """Draw every shape at every scale and orientation, centred in a small window."""
    steps = (torch.arange(_WINDOW * multiple, dtype=torch.float64) + 0.5) / multiple - _WINDOW / 2
    right, down = steps[None, :], steps[:, None]
    scales = torch.tensor(FACTOR_VALUES["scale"], dtype=torch.float64).view(-1, 1, 1, 1)
    # 0 and 2π must be the same picture to the last pixel.
    angles = torch.tensor((*FACTOR_VALUES["orientation"][:-1], 0.0), dtype=torch.float64)
    cosine, sine = angles.cos().view(-1, 1, 1), angles.sin().view(-1, 1, 1)
    x = (right * cosine + down * sine) / scales
    y = (right * sine - down * cosine) / scales
    square = (x.abs() <= _SQUARE_HALF_SIDE) & (y.abs() <= _SQUARE_HALF_SIDE)
    ellipse = (x / _ELLIPSE_HALF_AXES[0]) ** 2 + (y / _ELLIPSE_HALF_AXES[1]) ** 2 <= 1
    u, v = x / _HEART_UNIT, y / _HEART_UNIT + _HEART_MIDDLE
    heart = (u**2 + v**2 - 1) ** 3 <= u**2 * v**3
    return torch.stack((square, ellipse, heart)).to(torch.uint8) * 255


def _check_range(name: str, values: Tensor, size: int) -> None:
    if len(values) and not (values.min() >= 0 and values.max() < size):
        raise ValueError(
            f"{name} must lie in 0..{size - 1}, not {int(values.min())}..{int(values.max())}"
        )
