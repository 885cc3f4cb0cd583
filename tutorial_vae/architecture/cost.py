"""What a network costs, and which networks are worth their cost."""

import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ..devices import evaluation_mode, own_random_state


@torch.no_grad()
def multiply_adds(module: nn.Module, image_shape: tuple[int, int, int]) -> int:
    """Return how many multiplications with a following addition one image takes.

    Those of convolutions, transposed convolutions and matrix products are counted, as often as
    they run, as if padding were pixels; biases, normalisation and activations are not. They are
    half the operations of :class:`torch.utils.flop_counter.FlopCounterMode`. Of a super-network
    the path is counted that it follows.

    Args:
        module: is run on a black image, in evaluation mode, and left as it was.
        image_shape: channels, height and width of the image.
    """
    weights = next(module.parameters(), torch.empty(0))
    black = torch.zeros(1, *image_shape, device=weights.device, dtype=weights.dtype)
    counter = FlopCounterMode(display=False)
    with evaluation_mode(module), own_random_state(weights.device, 0), counter:
        module(black)
    return counter.get_total_flops() // 2


def front(points: Sequence[tuple[float, float]]) -> tuple[int, ...]:
    """Return which points no other point beats: the Pareto front, from the cheapest to the best.

    A point beats another if it is at least as accurate and costs at most as much, and is not equal
    in both.

    Args:
        points: accuracy, of which more is better, and cost, of which less is better, of each.

    Returns:
        Indices of the points on the front, by rising cost; equal points are all on it or none.

    Raises:
        ValueError: an accuracy or a cost is not finite.
    """
    for index, point in enumerate(points):
        if not all(map(math.isfinite, point)):
            raise ValueError(f"points must be finite, but point {index} is {point!r}")
    order = sorted(range(len(points)), key=lambda index: (points[index][1], -points[index][0]))
    chosen: list[int] = []
    for index in order:
        if (
            not chosen
            or points[index][0] > points[chosen[-1]][0]
            or tuple(points[index]) == tuple(points[chosen[-1]])
        ):
            chosen.append(index)
    return tuple(chosen)
