"""The exercises of chapter 7, What VAEs are for."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..checking import Exercise, random_input


def _threshold(normal: Tensor, allowed: float, *, spare: int = 0) -> Tensor:
    """Return the lowest normal score above which few enough of the normal scores lie."""
    return normal.sort(descending=True).values[math.floor(allowed * len(normal)) - spare]


def _caught(normal: Tensor, anomalous: Tensor, allowed: float) -> Tensor:
    return _with_share(_threshold(normal, allowed), anomalous)


def _with_share(threshold: Tensor, anomalous: Tensor) -> Tensor:
    return torch.stack([threshold, (anomalous > threshold).double().mean()])


def _precision(normal: Tensor, anomalous: Tensor, allowed: float) -> Tensor:
    threshold = _threshold(normal, allowed)
    found, alarms = (anomalous > threshold).sum(), (normal > threshold).sum()
    return torch.stack([threshold, found.double() / (found + alarms)])


def _images(larger: Tensor, smaller: Tensor, more: int, bits: int) -> Tensor:
    return _rounded_up(_share(larger, smaller, more, bits))


def _share(larger: Tensor, smaller: Tensor, more: int, bits: int) -> Tensor:
    """Return how many images pay for the numbers, not rounded; negative if none do."""
    return more * bits * math.log(2) / (smaller.mean() - larger.mean())


def _rounded_up(images: Tensor) -> Tensor:
    return images.ceil() if images > 0 else torch.full_like(images, math.inf)


def _turned(differences: Tensor) -> Tensor:
    """Return the mean difference under each choice of signs, as they are measured first."""
    count = len(differences)
    ways = torch.arange(2**count)[:, None] >> torch.arange(count) & 1
    return ((1 - 2 * ways) * differences).mean(dim=1)


def _share_of_ways(ours: Tensor, theirs: Tensor) -> Tensor:
    means = _turned(ours - theirs).abs()
    return (means >= means[0]).double().mean()


def _of_signs(ours: Tensor, theirs: Tensor) -> Tensor:
    signs = (ours - theirs).sign()
    return _share_of_ways(signs, torch.zeros_like(signs))


def _one_turned(differences: Tensor) -> Tensor:
    """Return the sum of the differences with one sign turned, for each of them."""
    return differences.sum() - 2 * differences


def _compared(
    choose: Callable[[Tensor, Tensor], Tensor],
) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the function of both columns that gives the share of the ways that CHOOSE marks."""

    def share(ours: Tensor, theirs: Tensor) -> Tensor:
        means = _turned(ours - theirs)
        return choose(means, means[0]).double().mean()

    return share


def _exact(*shape: int, seed: int) -> Tensor:
    """Random numbers in sixteenths: their sums are exact in any order, so equal means are equal."""
    return (16 * random_input(*shape, seed=seed)).round() / 16


EXERCISES: dict[str, Exercise] = {
    "uses-1": Exercise(
        inputs=[
            (random_input(40, seed=0), random_input(30, seed=1) + 1, 0.125),
            (random_input(25, seed=2) - 3, random_input(14, seed=3) - 2.5, 0.1),
            # With ties, also between the two kinds of pictures.
            (
                (2 * random_input(32, seed=4)).round(),
                (2 * random_input(19, seed=5) + 1).round(),
                0.25,
            ),
        ],
        answer=_caught,
        mistakes={
            "This flags the lowest scores; the odd pictures have the highest.": (
                lambda normal, anomalous, allowed: (
                    -_caught(-normal, -anomalous, allowed)
                    * torch.tensor([1.0, -1.0], dtype=torch.float64)
                )
            ),
            "The threshold is taken from the low end of the normal scores.": (
                lambda normal, anomalous, allowed: _with_share(normal.quantile(allowed), anomalous)
            ),
            "The threshold lets too few through: one more false alarm fits what is allowed.": (
                lambda normal, anomalous, allowed: _with_share(
                    _threshold(normal, allowed, spare=1), anomalous
                )
            ),
            "The threshold breaks what is allowed: one false alarm too many.": (
                lambda normal, anomalous, allowed: _with_share(
                    _threshold(normal, allowed, spare=-1), anomalous
                )
            ),
            "The threshold lies between two normal scores. Take one of them: in between, "
            "too many false alarms may slip in.": (
                lambda normal, anomalous, allowed: _with_share(
                    normal.quantile(1 - allowed), anomalous
                )
            ),
            "The threshold is taken from the anomalies; false alarms are normal pictures.": (
                lambda normal, anomalous, allowed: _with_share(
                    _threshold(anomalous, allowed), anomalous
                )
            ),
            "The threshold is taken from all scores; false alarms are among the normal ones.": (
                lambda normal, anomalous, allowed: _with_share(
                    _threshold(torch.cat([normal, anomalous]), allowed), anomalous
                )
            ),
            "The second number is the share of anomalies among what is flagged; asked is the "
            "share of the anomalies that is flagged.": _precision,
            "The second number counts the anomalies caught; their share is asked.": (
                lambda normal, anomalous, allowed: (
                    _caught(normal, anomalous, allowed)
                    * torch.tensor([1.0, len(anomalous)], dtype=torch.float64)
                )
            ),
            "The second number is the share of anomalies missed.": (
                lambda normal, anomalous, allowed: torch.stack(
                    [
                        _threshold(normal, allowed),
                        1 - _caught(normal, anomalous, allowed)[1],
                    ]
                )
            ),
            "A score that equals the threshold is flagged here; only those above it are.": (
                lambda normal, anomalous, allowed: torch.stack(
                    [
                        _threshold(normal, allowed),
                        (anomalous >= _threshold(normal, allowed)).double().mean(),
                    ]
                )
            ),
        },
    ),
    "uses-2": Exercise(
        inputs=[
            (random_input(9, seed=6) + 60, random_input(9, seed=7) + 72, 1200, 16),
            (5 * random_input(6, seed=8) + 40, random_input(6, seed=9) + 90, 2500, 8),
            (random_input(7, seed=10) + 50, random_input(7, seed=11) + 45, 900, 32),
        ],
        answer=_images,
        mistakes={
            "The saving is left in nats, the numbers are counted in bits.": (
                lambda larger, smaller, more, bits: _rounded_up(
                    _share(larger, smaller, more, bits) / math.log(2)
                )
            ),
            "A nat is turned into bits the wrong way: it is more than one bit.": (
                lambda larger, smaller, more, bits: _rounded_up(
                    _share(larger, smaller, more, bits) / math.log(2) ** 2
                )
            ),
            "Each number is charged one bit here; it takes as many as the last argument says.": (
                lambda larger, smaller, more, bits: _images(larger, smaller, more, 1)
            ),
            "The saving is summed over the images here; the mean saving of one is needed.": (
                lambda larger, smaller, more, bits: _rounded_up(
                    _share(larger, smaller, more, bits) / len(larger)
                )
            ),
            "The saving has the wrong sign: the larger network saves what it costs less.": (
                lambda larger, smaller, more, bits: _images(smaller, larger, more, bits)
            ),
            "Where the larger network saves nothing, no number of images pays for it: "
            "the answer is infinite.": (
                lambda larger, smaller, more, bits: _share(larger, smaller, more, bits).ceil()
            ),
            "At this many images it has not paid for itself yet: round up.": (
                lambda larger, smaller, more, bits: _rounded_up(
                    _share(larger, smaller, more, bits) - 1
                )
            ),
            "Nobody sends a part of an image: round up.": (
                lambda larger, smaller, more, bits: _share(larger, smaller, more, bits)
            ),
        },
    ),
    "uses-3": Exercise(
        inputs=[
            # Both columns share what a seed does to them; that is what pairing takes out.
            (
                3 * _exact(6, seed=12) + _exact(6, seed=13) + 0.5,
                3 * _exact(6, seed=12),
            ),
            (_exact(5, seed=14) - 2, _exact(5, seed=15)),
            (_exact(9, seed=16), _exact(9, seed=17) - 0.25),
        ],
        answer=_share_of_ways,
        mistakes={
            "This counts the ways on the measured side of zero; the other side is as far off.": (
                _compared(lambda means, measured: means >= measured)
            ),
            "The way that was measured is left out; it counts, so the share is never 0.": (
                _compared(lambda means, measured: means.abs() > measured.abs())
            ),
            "This counts the ways; their share is asked.": (
                lambda ours, theirs: _share_of_ways(ours, theirs) * 2 ** len(ours)
            ),
            "This is the share of the ways that lie nearer to zero.": (
                _compared(lambda means, measured: means.abs() < measured.abs())
            ),
            "This looks at the signs only; the sizes of the differences count too.": _of_signs,
            "This turns one sign at a time; turn them in all combinations.": (
                lambda ours, theirs: (
                    (_one_turned(ours - theirs).abs() >= (ours - theirs).sum().abs())
                    .double()
                    .mean()
                )
            ),
        },
    ),
}
