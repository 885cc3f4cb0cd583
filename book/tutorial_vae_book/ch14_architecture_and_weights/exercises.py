"""The exercises of chapter 14, Architecture and weights."""

import itertools
import math

import torch
from torch import Tensor

from ..checking import Exercise, random_input


def _number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def _path_costs(costs: Tensor) -> Tensor:
    return torch.tensor([sum(path) for path in itertools.product(*costs.tolist())])


def _within(costs: Tensor, limit: float) -> Tensor:
    return (_path_costs(costs) <= limit).sum().double()


def _chance(paths: int, scored: int, good: int) -> Tensor:
    missed = math.comb(paths - good, scored) / math.comb(paths, scored)
    return _number(1 - missed)


def _at_least(accuracy: Tensor, cost: Tensor) -> Tensor:
    """Whether the network of a row is as accurate and as cheap as that of a column."""
    return (accuracy[:, None] >= accuracy) & (cost[:, None] <= cost)


def _beats(accuracy: Tensor, cost: Tensor) -> Tensor:
    at_least = _at_least(accuracy, cost)
    return at_least & ~at_least.T


def _unbeaten(beats: Tensor) -> Tensor:
    return (~beats.any(dim=0)).double()


def _front(accuracy: Tensor, cost: Tensor) -> Tensor:
    return _unbeaten(_beats(accuracy, cost))


def _networks(*points: tuple[int, int]) -> tuple[Tensor, Tensor]:
    accuracy, cost = torch.tensor(points, dtype=torch.float64).T
    return accuracy, cost


def _cloud(count: int, seed: int) -> tuple[Tensor, Tensor]:
    noise = random_input(2, count, seed=seed)
    return noise[0], 0.7 * noise[0] + noise[1]


EXERCISES: dict[str, Exercise] = {
    "architecture-1": Exercise(
        inputs=[
            # A limit that some path meets exactly, and another number of stages than candidates.
            (torch.tensor([[10.0, 26.0, 0.0], [10.0, 26.0, 1.0], [12.0, 26.0, 0.0]]), 37.0),
            (torch.tensor([[1.0, 2.0], [3.0, 5.0], [0.0, 7.0], [4.0, 1.0]]), 9.0),
            (torch.tensor([[2.0, 3.0, 8.0, 1.0], [5.0, 1.0, 0.0, 6.0]]), 6.0),
        ],
        answer=_within,
        mistakes={
            "This counts blocks; a path has one block of each stage, and its cost is their sum.": (
                lambda costs, limit: (costs <= limit).sum().double()
            ),
            "A path that costs just the limit counts as well.": (
                lambda costs, limit: (_path_costs(costs) < limit).sum().double()
            ),
            "These are the paths that cost more than the limit.": (
                lambda costs, limit: (_path_costs(costs) > limit).sum().double()
            ),
            "These are all paths, whatever they cost.": (
                lambda costs, limit: _number(float(len(_path_costs(costs))))
            ),
            "Stages and candidates are the wrong way round: a path takes one entry of each row.": (
                lambda costs, limit: _within(costs.T, limit)
            ),
            "This is the share of the paths; their number is asked for.": (
                lambda costs, limit: (_path_costs(costs) <= limit).double().mean()
            ),
        },
    ),
    "architecture-2": Exercise(
        inputs=[(27, 9, 3), (27, 4, 1), (100, 20, 5)],
        answer=_chance,
        mistakes={
            "This is the chance to miss them all; the rest is asked for.": (
                lambda paths, scored, good: 1 - _chance(paths, scored, good)
            ),
            "No path is scored twice, so the draws are not independent of each other.": (
                lambda paths, scored, good: _number(1 - (1 - good / paths) ** scored)
            ),
            "This is how many good ones are found on average; the chance of at least one is asked "
            "for.": (lambda paths, scored, good: _number(scored * good / paths)),
            "This is the chance that all of the good ones are found; one is enough.": (
                lambda paths, scored, good: _number(
                    math.comb(paths - good, scored - good) / math.comb(paths, scored)
                    if scored >= good
                    else 0.0
                )
            ),
            "This is the chance of exactly one; more count as well.": (
                lambda paths, scored, good: _number(
                    good * math.comb(paths - good, scored - 1) / math.comb(paths, scored)
                )
            ),
            "This is the chance of one draw; there are several.": (
                lambda paths, scored, good: _number(good / paths)
            ),
        },
    ),
    "architecture-3": Exercise(
        # Two that are equal, ties on either axis, and clouds in which accuracy has its cost.
        inputs=[
            _networks((70, 1), (80, 2), (80, 3), (75, 2), (80, 2), (90, 5), (85, 7), (60, 1)),
            _cloud(20, 0),
            _cloud(40, 10),
        ],
        answer=_front,
        mistakes={
            "Here more cost counts as better.": lambda accuracy, cost: _front(accuracy, -cost),
            "Here less accuracy counts as better.": lambda accuracy, cost: _front(-accuracy, cost),
            "These are the networks off the front.": (
                lambda accuracy, cost: 1 - _front(accuracy, cost)
            ),
            "A network that is as accurate and costs more is beaten, too: being better in one of "
            "the two is enough.": (
                lambda accuracy, cost: _unbeaten(
                    (accuracy[:, None] > accuracy) & (cost[:, None] < cost)
                )
            ),
            "Two networks that are equal in both do not beat each other.": (
                lambda accuracy, cost: _unbeaten(
                    _at_least(accuracy, cost) & ~torch.eye(len(cost), dtype=torch.bool)
                )
            ),
            "This is only the most accurate; cheaper networks can be on the front as well.": (
                lambda accuracy, cost: (accuracy == accuracy.max()).double()
            ),
            "These are the networks that beat another; asked for are those that none beats.": (
                lambda accuracy, cost: 1 - _unbeaten(_beats(accuracy, cost).T)
            ),
        },
    ),
}
