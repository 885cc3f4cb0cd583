"""Scenes of solids and sprites on a dark, noisy ground, with a box around each.

The things are those of the sets ``solids`` and ``dsprites``, small and side by side. None hides
another, so a box reaches just as far as the pixels of its thing that are brighter than the ground.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor

from ..data import dsprites, solids
from ..data.request import Request
from .images import DetectionSet, pad_objects

CLASS_NAMES = solids.SOLIDS + dsprites.SHAPES
GROUND = 24  # the brightest that a pixel of the ground can be
SMALLEST_SIZE = 32  # pixels, below which a small sprite is a speck
MOST = 4  # things in a scene

_SOLID_TILE = 0.42  # of the scene's side: the tile that a solid is drawn on
_SOLID_SCALE = (0.55, 1.0)  # of half the tile
_SPRITE_SHADE = (0.4, 1.0)
_GAP = 1  # pixels that stay free around a thing
_TRIES = 30


def render_scenes(
    split: str = "train", *, count: int, size: int = 64, seed: int = 0
) -> DetectionSet:
    """Draw grey scenes of one to four things.

    The same arguments give the same scenes. The parts are different draws of one kind: the test
    part holds no new sort of thing, only scenes that training never shows.

    Args:
        split: ``"train"`` or ``"test"``.
        count: how many scenes.
        size: side of the scenes in pixels, at least 32.
        seed: which scenes.

    Returns:
        The scenes, with ten classes: seven solids and three flat sprites.

    Raises:
        ValueError: an argument is outside what is said above.
    """
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise ValueError(f"count must be a whole number of at least 1, not {count!r}")
    request = Request(
        name="scenes", split=split, size=size, channels=1, limit=count, seed=seed, root=None
    )
    if size < SMALLEST_SIZE:
        raise ValueError(f"size must be at least {SMALLEST_SIZE} pixels for scenes, not {size}")
    generator = request.generator()
    counts = torch.randint(1, MOST + 1, (count,), generator=generator)
    labels = torch.randint(len(CLASS_NAMES), (int(counts.sum()),), generator=generator)
    things = _cut_out(_draw(labels, size, generator))
    images = torch.randint(
        GROUND + 1, (count, 1, size, size), generator=generator, dtype=torch.uint8
    )
    boxes = []
    first = 0
    for scene, number in zip(images[:, 0], counts.tolist(), strict=True):
        own = things[first : first + number]
        first += number
        shapes = torch.tensor([thing.shape for thing in own])
        corners = _places(shapes, size, generator)
        for thing, (top, left) in zip(own, corners.tolist(), strict=True):
            height, width = thing.shape
            part = scene[top : top + height, left : left + width]
            torch.maximum(part, thing, out=part)
        boxes.append(torch.cat((corners.flip(1), (corners + shapes).flip(1)), dim=1).float())
    padded_boxes, padded_labels = pad_objects(boxes, labels.split(counts.tolist()))
    return DetectionSet(
        name=request.name,
        images=images,
        boxes=padded_boxes,
        labels=padded_labels,
        class_names=CLASS_NAMES,
    )


def _draw(
    labels: Int64[Tensor, " count"], size: int, generator: torch.Generator
) -> list[UInt8[Tensor, "_ _"]]:
    """Draw each thing on a black tile of its own, large enough to hold it."""
    tiles: list[Tensor] = [torch.empty(0)] * len(labels)
    is_sprite = labels >= len(solids.SOLIDS)
    numbers = (~is_sprite).nonzero()[:, 0]
    light = 2 * torch.rand(len(numbers), 2, generator=generator) - 1
    drawn = solids.render(
        labels[numbers],
        solids.random_rotations(len(numbers), generator),
        F.normalize(torch.cat((light, torch.ones(len(numbers), 1)), dim=1)),
        _between(_SOLID_SCALE, len(numbers), generator),
        size=round(_SOLID_TILE * size),
    )
    for number, tile in zip(numbers.tolist(), drawn[:, 0], strict=True):
        tiles[number] = tile
    numbers = is_sprite.nonzero()[:, 0]
    factors = torch.stack(
        [
            torch.randint(values, (len(numbers),), generator=generator)
            for values in dsprites.FACTOR_SIZES
        ],
        dim=1,
    )
    factors[:, 0] = labels[numbers] - len(solids.SOLIDS)
    drawn = dsprites.render(dsprites.index_of(factors), size=size)
    shades = _between(_SPRITE_SHADE, len(numbers), generator).view(-1, 1, 1)
    for number, tile in zip(
        numbers.tolist(), (drawn[:, 0] * shades).round_().to(torch.uint8), strict=True
    ):
        tiles[number] = tile
    return tiles


def _cut_out(tiles: list[UInt8[Tensor, "_ _"]]) -> list[UInt8[Tensor, "_ _"]]:
    """Cut each tile down to the pixels that stand out from the ground."""
    things = []
    for tile in tiles:
        rows, columns = ((tile > GROUND).any(axis).nonzero()[:, 0] for axis in (1, 0))
        things.append(tile[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    return things


def _places(
    shapes: Int64[Tensor, "things 2"], size: int, generator: torch.Generator
) -> Int64[Tensor, "things 2"]:
    """Draw the top left corners of things, as row and column, until none meets another.

    Four of the largest fit into the corners of a scene, so an end is certain.
    """
    room = size - shapes + 1
    while True:
        share = torch.rand(_TRIES, *shapes.shape, generator=generator)
        starts = (share * room).long().clamp(max=room - 1)
        ends = starts + shapes + _GAP
        # One thing is clear of another where it begins after the other has ended, on either axis.
        clear = (starts[:, :, None] >= ends[:, None]).any(-1)
        clear = clear | clear.mT | torch.eye(len(shapes), dtype=torch.bool)
        good = clear.all(-1).all(-1).nonzero()
        if len(good):
            return starts[good[0, 0]]


def _between(
    limits: tuple[float, float], count: int, generator: torch.Generator
) -> Float32[Tensor, " {count}"]:
    low, high = limits
    return low + (high - low) * torch.rand(count, generator=generator)
