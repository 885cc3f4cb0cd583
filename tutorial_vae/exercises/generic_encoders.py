"""The exercises of chapter 10, Generic encoders, specific decoders."""

import torch
from torch import Tensor

from .checking import Exercise, random_input

_LEAST_WAY = 0.05


def _share(foreign: Tensor, untrained: Tensor, ceiling: Tensor) -> Tensor:
    way = ceiling - untrained
    return torch.where(way < _LEAST_WAY, 0.0, (foreign - untrained) / way)


def _excess(foreign: Tensor, untrained: Tensor, in_encoder: Tensor) -> Tensor:
    gain = (foreign - untrained).mean(dim=0)
    return gain[in_encoder].mean() - gain[~in_encoder].mean()


def _pair_weights(times: Tensor) -> Tensor:
    weights = torch.outer(times, times)
    weights = weights - weights.diag().diag()
    return weights / weights.sum()


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


def _times(*values: float) -> tuple[Tensor]:
    return (torch.tensor(values, dtype=torch.float64),)


EXERCISES: dict[str, Exercise] = {
    "generic-1": Exercise(
        inputs=[_three(0), _three(10), _three(20)],
        answer=_share,
        mistakes={
            "Where there is no way to go, the answer has to be 0.": (
                lambda foreign, untrained, ceiling: (foreign - untrained) / (ceiling - untrained)
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
        inputs=[_times(1.0, 1.0, 1.0, 1.0), _times(2.0, 0.0, 1.0, 1.0, 3.0), _times(0.0, 4.0, 2.0)],
        answer=_pair_weights,
        mistakes={
            "A set paired with itself is the ceiling, not a pair: its weight has to be 0.": (
                lambda times: torch.outer(times, times) / times.sum() ** 2
            ),
            "The weights have to sum to 1.": (
                lambda times: torch.outer(times, times) - (times**2).diag()
            ),
            "A pair drawn twice on one side and three times on the other counts six times: "
            "multiply.": (
                lambda times: (
                    (both := (times[:, None] + times) * (1 - torch.eye(len(times)).double()))
                    / both.sum()
                )
            ),
            "The redrawing is left out: all pairs count alike here.": (
                lambda times: _pair_weights(torch.ones_like(times))
            ),
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
            "The ratio is upside down.": (
                lambda mean_image, reference, stitched: 1 / _kept(mean_image, reference, stitched)
            ),
        },
    ),
}
