"""The exercises of chapter 9, Inside a VAE."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..checking import Exercise, random_input

_STEPS = torch.tensor([0, 10, 30, 100, 300, 1000])


def _settled(values: Tensor, steps: Tensor, threshold: float) -> Tensor:
    stays = (values >= threshold).flip(0).cumprod(dim=0).flip(0).bool()
    return _first(stays, steps)


def _first(holds: Tensor, steps: Tensor) -> Tensor:
    """The first step at which something holds, layer by layer."""
    return steps[holds.int().argmax(dim=0)]


def _crossings(*columns: list[float]) -> Tensor:
    return torch.tensor(columns, dtype=torch.float64).T


_SETTLING: list[tuple[Tensor, Tensor, float]] = [
    (
        _crossings(
            [0.99, 0.98, 0.97, 0.99, 1.0, 1.0],
            [0.3, 0.95, 0.4, 0.6, 0.92, 1.0],
            [0.2, 0.1, 0.3, 0.5, 0.7, 1.0],
        ),
        _STEPS,
        0.9,
    ),
    (_crossings([0.1, 0.5, 0.4, 0.5, 0.9, 1.0], [0.8, 0.2, 0.2, 0.6, 0.7, 1.0]), _STEPS, 0.5),
]


def _sign_test(wins: int, sets: int, *, sides: int = 2, strict: bool = False) -> Tensor:
    larger = max(wins, sets - wins)
    counts = range(larger + strict, sets + 1)
    tail = sum(math.comb(sets, k) for k in counts) / 2**sets
    return torch.tensor(min(1.0, sides * tail), dtype=torch.float64)


def _many_wins_doubled(wins: int, sets: int) -> Tensor:
    tail = sum(math.comb(sets, k) for k in range(wins, sets + 1)) / 2**sets
    return torch.tensor(2 * tail, dtype=torch.float64)


def _interval(
    differences: Tensor,
    quantile: float,
    *,
    units: Callable[[Tensor], Tensor] = lambda d: d.mean(dim=1),
    correction: int = 1,
    shrink: bool = True,
) -> Tensor:
    values = units(differences)
    spread = values.std(correction=correction)
    reach = quantile * spread / (math.sqrt(len(values)) if shrink else 1)
    return torch.stack([values.mean(), values.mean() - reach, values.mean() + reach])


def _over_sets(sets: int, seeds: int, *, seed: int) -> Tensor:
    """Differences that vary between sets more than between seeds."""
    return random_input(sets, 1, seed=seed) + 0.2 * random_input(sets, seeds, seed=seed + 100)


EXERCISES: dict[str, Exercise] = {
    "inside-1": Exercise(
        inputs=_SETTLING,
        answer=_settled,
        mistakes={
            "This is where the threshold is first reached; a layer that falls below it again has "
            "not settled.": (lambda values, steps, threshold: _first(values >= threshold, steps)),
            "This is the last step below the threshold; the layer has settled one look later.": (
                lambda values, steps, threshold: steps[
                    ((values >= threshold).flip(0).cumprod(dim=0).sum(dim=0) + 1)
                    .neg()
                    .add(len(steps))
                    .clamp(min=0)
                ]
            ),
            "These are positions in the list of steps, not steps.": (
                lambda values, steps, threshold: torch.searchsorted(
                    steps, _settled(values, steps, threshold)
                )
            ),
            "This counts the looks below the threshold; a layer that rises and falls again takes "
            "longer to settle than that.": (
                lambda values, steps, threshold: steps[(values < threshold).sum(dim=0)]
            ),
            "A value that is exactly the threshold reaches it.": (
                lambda values, steps, threshold: _settled(values, steps, threshold + 1e-9)
            ),
            "There should be one step for each layer, not one for all.": (
                lambda values, steps, threshold: _settled(values, steps, threshold).amax()
            ),
        },
    ),
    "inside-2": Exercise(
        inputs=[(6, 7), (1, 8), (10, 12), (4, 8)],
        answer=_sign_test,
        mistakes={
            "This is one tail; a lead either way would have surprised us as much.": (
                lambda wins, sets: _sign_test(wins, sets, sides=1)
            ),
            "The split that was seen belongs to the tail.": (
                lambda wins, sets: _sign_test(wins, sets, strict=True)
            ),
            "This is the probability of exactly this split; count the more uneven ones too.": (
                lambda wins, sets: torch.tensor(
                    math.comb(sets, wins) / 2**sets, dtype=torch.float64
                )
            ),
            "This is the probability of exactly this split, doubled; count the more uneven ones "
            "too.": (
                lambda wins, sets: torch.tensor(
                    2 * math.comb(sets, wins) / 2**sets, dtype=torch.float64
                )
            ),
            "This is the tail of many wins, doubled; with few wins the uneven splits are at the "
            "other end.": (lambda wins, sets: _many_wins_doubled(wins, sets).clamp(max=1)),
            "A probability cannot exceed 1: an even split is counted in both tails.": (
                lambda wins, sets: torch.tensor(
                    2
                    * sum(math.comb(sets, k) for k in range(max(wins, sets - wins), sets + 1))
                    / 2**sets,
                    dtype=torch.float64,
                )
            ),
            "This is the tail of many wins, doubled: more than 1 when the wins are few, since the "
            "uneven splits are then at the other end.": _many_wins_doubled,
        },
    ),
    "inside-3": Exercise(
        inputs=[
            (_over_sets(7, 3, seed=0), 2.447),
            (_over_sets(5, 4, seed=1), 2.776),
            (_over_sets(4, 2, seed=2), 3.182),
        ],
        answer=_interval,
        mistakes={
            "All runs count as if they were independent; the seeds of one set are not.": (
                lambda d, quantile: _interval(d, quantile, units=torch.flatten)
            ),
            "This averages over the sets, and takes the seeds for what is drawn anew.": (
                lambda d, quantile: _interval(d, quantile, units=lambda x: x.mean(dim=0))
            ),
            "The variance is divided by the number of sets; a sample's is divided by one less.": (
                lambda d, quantile: _interval(d, quantile, correction=0)
            ),
            "This is where a single set may lie; the mean of all is surer by a root.": (
                lambda d, quantile: _interval(d, quantile, shrink=False)
            ),
            "Here the spread is divided by the number of sets, without the root.": (
                lambda d, quantile: _interval(d, quantile / math.sqrt(len(d)))
            ),
            "The order asked for is mean, lower end, upper end.": (
                lambda d, quantile: _interval(d, quantile)[[1, 0, 2]]
            ),
            "These are the mean and how far the ends are from it; the ends themselves are asked "
            "for.": (
                lambda d, quantile: (
                    _interval(d, quantile) - _interval(d, quantile)[0] * torch.tensor([0, 1, 1])
                )
            ),
            "The root is that of the number of runs, but the spread is that of the sets.": (
                lambda d, quantile: _interval(d, quantile / math.sqrt(d.shape[1]))
            ),
        },
    ),
}
