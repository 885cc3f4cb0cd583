"""The exercises of chapter 10, Generic encoders, specific decoders."""

import torch
from torch import Tensor

from ..checking import Exercise, random_input

_LEAST_WAY = 0.05


def _share(foreign: Tensor, untrained: Tensor, ceiling: Tensor) -> Tensor:
    way = ceiling - untrained
    return torch.where(way < _LEAST_WAY, 0.0, (foreign - untrained) / way)


def _excess(foreign: Tensor, untrained: Tensor, in_encoder: Tensor) -> Tensor:
    gain = (foreign - untrained).mean(dim=0)
    return gain[in_encoder].mean() - gain[~in_encoder].mean()


def _means_without_each(gaps: Tensor) -> Tensor:
    pairs = gaps - gaps.diag().diag()
    left = pairs.sum() - pairs.sum(dim=0) - pairs.sum(dim=1)
    return left / ((len(gaps) - 1) * (len(gaps) - 2))


def _squares(values: Tensor) -> Tensor:
    return (values - values.mean()).square().sum()


def _jackknife(gaps: Tensor) -> Tensor:
    n = len(gaps)
    return ((n - 1) / n * _squares(_means_without_each(gaps))).sqrt()


def _error_of_independent_pairs(gaps: Tensor) -> Tensor:
    pairs = gaps[~torch.eye(len(gaps), dtype=torch.bool)]
    return pairs.std() / len(pairs) ** 0.5


def _jackknife_of_targets(gaps: Tensor) -> Tensor:
    n = len(gaps)
    pairs = gaps - gaps.diag().diag()
    left = (pairs.sum() - pairs.sum(dim=1)) / (n - 1) ** 2
    return ((n - 1) / n * _squares(left)).sqrt()


def _jackknife_with_diagonal(gaps: Tensor) -> Tensor:
    n = len(gaps)
    left = gaps.sum() - gaps.sum(dim=0) - gaps.sum(dim=1) + gaps.diag()
    return ((n - 1) / n * _squares(left / (n - 1) ** 2)).sqrt()


def _kept(mean_image: Tensor, reference: Tensor, stitched: Tensor) -> Tensor:
    gain = (mean_image - reference).mean()
    return (mean_image - stitched).mean() / gain


def _similarities(*shape: int, low: float, high: float, seed: int) -> Tensor:
    return low + (high - low) * random_input(*shape, seed=seed).sigmoid()


def _three(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    untrained = _similarities(6, low=0.3, high=0.6, seed=seed)
    ceiling = _similarities(6, low=0.7, high=0.98, seed=seed + 1)
    ceiling[1], ceiling[4] = untrained[1] + 0.01, untrained[4] - 0.1
    return _similarities(6, low=0.2, high=0.9, seed=seed + 2), untrained, ceiling


def _layers(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    in_encoder = torch.tensor([True, True, True, True, False, False])
    foreign = _similarities(5, 6, low=0.4, high=1.0, seed=seed)
    return foreign, _similarities(5, 6, low=0.2, high=0.9, seed=seed + 1), in_encoder


def _errors(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    mean_image = _similarities(40, low=0.05, high=0.3, seed=seed)
    reference = mean_image * _similarities(40, low=0.1, high=0.4, seed=seed + 1)
    return mean_image, reference, _similarities(40, low=0.04, high=0.3, seed=seed + 2)


def _gaps(sets: int, seed: int) -> tuple[Tensor]:
    # A set is generic or not whoever looks, so that pairs with it resemble each other.
    own = random_input(sets, seed=seed)
    gaps = own[:, None] + 0.5 * own + 0.3 * random_input(sets, sets, seed=seed + 1)
    return (0.1 * gaps + torch.eye(sets, dtype=gaps.dtype),)


EXERCISES: dict[str, Exercise] = {
    "generic-1": Exercise(
        inputs=[_three(0), _three(10), _three(20)],
        answer=_share,
        mistakes={
            "Where there is no way to go, the answer has to be 0.": (
                lambda foreign, untrained, ceiling: (foreign - untrained) / (ceiling - untrained)
            ),
            "Where the way is short the answer is 0, not a share of a longer way.": (
                lambda foreign, untrained, ceiling: (
                    (foreign - untrained) / (ceiling - untrained).clamp(min=_LEAST_WAY)
                )
            ),
            "A ceiling below the untrained network leaves no way to go either.": (
                lambda foreign, untrained, ceiling: torch.where(
                    (ceiling - untrained).abs() < _LEAST_WAY,
                    0.0,
                    (foreign - untrained) / (ceiling - untrained),
                )
            ),
            "The way starts at the untrained network, not at 0: below the line it is missing.": (
                lambda foreign, untrained, ceiling: torch.where(
                    ceiling - untrained < _LEAST_WAY, 0.0, (foreign - untrained) / ceiling
                )
            ),
            "This is the share of the ceiling: the untrained network is left out.": (
                lambda foreign, untrained, ceiling: foreign / ceiling
            ),
            "This is the share that is still to go.": (
                lambda foreign, untrained, ceiling: torch.where(
                    ceiling - untrained < _LEAST_WAY,
                    0.0,
                    (ceiling - foreign) / (ceiling - untrained),
                )
            ),
            "Shares may be negative or above 1; that is information, so do not cut them off.": (
                lambda *three: _share(*three).clamp(0, 1)
            ),
        },
    ),
    "generic-2": Exercise(
        inputs=[_layers(0), _layers(10), _layers(20)],
        answer=_excess,
        mistakes={
            "The untrained network is left out: this is the gap alone.": (
                lambda foreign, untrained, in_encoder: _excess(
                    foreign, torch.zeros_like(foreign), in_encoder
                )
            ),
            "This is the gap of the untrained network alone.": (
                lambda foreign, untrained, in_encoder: _excess(
                    untrained, torch.zeros_like(foreign), in_encoder
                )
            ),
            "The two gaps are added; the question is how far the one exceeds the other.": (
                lambda foreign, untrained, in_encoder: _excess(foreign, -untrained, in_encoder)
            ),
            "The layers of a part are summed; parts of different length need the mean.": (
                lambda foreign, untrained, in_encoder: (
                    (foreign - untrained).mean(dim=0) @ (2.0 * in_encoder.double() - 1)
                )
            ),
            "The pairs are summed; average over them.": (
                lambda foreign, untrained, in_encoder: (
                    len(foreign) * _excess(foreign, untrained, in_encoder)
                )
            ),
        },
    ),
    "generic-3": Exercise(
        inputs=[_gaps(4, 0), _gaps(5, 10), _gaps(7, 20)],
        answer=_jackknife,
        mistakes={
            "This takes the pairs as independent, but they share sets: leave out one set at a "
            "time.": _error_of_independent_pairs,
            "The set that is left out stays as a source: its column has to go too.": (
                _jackknife_of_targets
            ),
            "The set that is left out stays as a target: its row has to go too.": (
                lambda gaps: _jackknife_of_targets(gaps.T)
            ),
            "A set with itself is the ceiling and no pair: leave out the diagonal.": (
                _jackknife_with_diagonal
            ),
            "Means that share most of their pairs differ little: multiply the sum of squares by "
            "n - 1.": lambda gaps: _jackknife(gaps) / (len(gaps) - 1) ** 0.5,
            "This is the spread of the means without each set, not yet the error of the mean.": (
                lambda gaps: _means_without_each(gaps).std()
            ),
            "The sum of squares is to be divided by n.": (
                lambda gaps: _jackknife(gaps) * len(gaps) ** 0.5
            ),
            "This is the variance; the root is missing.": lambda gaps: _jackknife(gaps).square(),
            "This is the mean gap, not its error.": lambda gaps: _means_without_each(gaps).mean(),
        },
    ),
    "generic-4": Exercise(
        inputs=[_errors(0), _errors(10), _errors(20)],
        answer=_kept,
        mistakes={
            "Average the errors over the images first; this averages one share per image.": (
                lambda mean_image, reference, stitched: (
                    (mean_image - stitched) / (mean_image - reference)
                ).mean()
            ),
            "This is the error as a share of the mean image's error.": (
                lambda mean_image, reference, stitched: stitched.mean() / mean_image.mean()
            ),
            "This is what the stitched model loses, not what it keeps.": (
                lambda mean_image, reference, stitched: 1 - _kept(mean_image, reference, stitched)
            ),
            "The gain of the reference is missing below the line.": (
                lambda mean_image, reference, stitched: (
                    (mean_image - stitched).mean() / mean_image.mean()
                )
            ),
            "A share below 0 or above 1 is information, so do not cut it off.": (
                lambda *errors: _kept(*errors).clamp(0, 1)
            ),
            "The gain is counted from the mean image, not from the target's own VAE.": (
                lambda mean_image, reference, stitched: (
                    (reference - stitched).mean() / (mean_image - reference).mean()
                )
            ),
            "The ratio is upside down.": (
                lambda mean_image, reference, stitched: 1 / _kept(mean_image, reference, stitched)
            ),
        },
    ),
}
