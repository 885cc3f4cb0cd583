"""The exercises of chapter 7, What VAEs are for."""

import math

import torch
from torch import Tensor

from .checking import Exercise, random_input


def _wins(normal: Tensor, anomalous: Tensor, tie: float) -> Tensor:
    ahead = anomalous[:, None] - normal[None, :]
    return (ahead > 0).double() + tie * (ahead == 0).double()


def _area(normal: Tensor, anomalous: Tensor) -> Tensor:
    return _wins(normal, anomalous, 0.5).mean()


def _bits(nats: Tensor, image_shape: tuple[int, int, int], levels: int) -> Tensor:
    return nats / (math.prod(image_shape) * math.log(2)) + math.log2(levels)


def _difference(ours: Tensor, theirs: Tensor) -> Tensor:
    differences = ours - theirs
    return torch.stack([differences.mean(), differences.std() / len(differences) ** 0.5])


def _rounded(count: int, *, seed: int, shift: float = 0.0) -> Tensor:
    """Scores with ties among them."""
    return (2 * random_input(count, seed=seed) + shift).round()


_NORMAL_AND_ANOMALOUS = [
    (random_input(30, seed=0), random_input(12, seed=1) + 1),
    (_rounded(20, seed=2), _rounded(9, seed=3, shift=1.0)),
    (random_input(8, seed=4) + 2, random_input(15, seed=5)),
]

# Both columns share what a seed does to them; that is what pairing takes out.
_PAIRS = [
    (
        3 * random_input(5, seed=6) + 0.2 * random_input(5, seed=7),
        3 * random_input(5, seed=6) + 0.1,
    ),
    (random_input(8, seed=8), random_input(8, seed=9)),
    (random_input(3, seed=10) + 4, random_input(3, seed=11)),
]

EXERCISES: dict[str, Exercise] = {
    "uses-1": Exercise(
        inputs=_NORMAL_AND_ANOMALOUS,
        answer=_area,
        mistakes={
            "This is the other way round: an anomaly should score higher.": (
                lambda normal, anomalous: _area(anomalous, normal)
            ),
            "Ties count nothing here; each should count by half.": (
                lambda normal, anomalous: _wins(normal, anomalous, 0.0).mean()
            ),
            "Ties count in full here; each should count by half.": (
                lambda normal, anomalous: _wins(normal, anomalous, 1.0).mean()
            ),
            "This counts the pairs; the area is their share.": (
                lambda normal, anomalous: _wins(normal, anomalous, 0.5).sum()
            ),
            "This compares each anomaly with the mean normal score, not with each of them.": (
                lambda normal, anomalous: (anomalous > normal.mean()).double().mean()
            ),
        },
    ),
    "uses-2": Exercise(
        inputs=[
            (torch.tensor([70.0, 55.5], dtype=torch.float64), (1, 16, 16), 1),
            (torch.tensor([-230.0, 12.0, -90.0], dtype=torch.float64), (1, 16, 16), 256),
            (torch.tensor([-3000.0], dtype=torch.float64), (3, 32, 32), 256),
        ],
        answer=_bits,
        mistakes={
            "This is in nats per pixel; a bit is ln 2 of a nat.": (
                lambda nats, shape, levels: nats / math.prod(shape) + math.log(levels)
            ),
            "The nats are multiplied by ln 2; a nat is more than a bit, not less.": (
                lambda nats, shape, levels: (
                    nats * math.log(2) / math.prod(shape) + math.log2(levels)
                )
            ),
            "The width of a grey level is left out.": (
                lambda nats, shape, levels: _bits(nats, shape, 1)
            ),
            "The width of a grey level counts with the wrong sign: it adds bits.": (
                lambda nats, shape, levels: 2 * _bits(nats, shape, 1) - _bits(nats, shape, levels)
            ),
            "The width of a grey level is added in nats.": (
                lambda nats, shape, levels: _bits(nats, shape, 1) + math.log(levels)
            ),
            "The width of a grey level is paid once an image here; every pixel pays it.": (
                lambda nats, shape, levels: (
                    _bits(nats, shape, 1) + math.log2(levels) / math.prod(shape)
                )
            ),
            "This is bits per image: divide by the number of pixels.": (
                lambda nats, shape, levels: (
                    nats / math.log(2) + math.prod(shape) * math.log2(levels)
                )
            ),
            "The channels are left out: each of them has a value to code.": (
                lambda nats, shape, levels: _bits(nats, (1, *shape[1:]), levels)
            ),
            "The sign is wrong: a code is the longer, the more nats it costs.": (
                lambda nats, shape, levels: _bits(-nats, shape, levels)
            ),
        },
    ),
    "uses-3": Exercise(
        inputs=_PAIRS,
        answer=_difference,
        mistakes={
            "This is PCA minus the VAE; the other way round was asked.": (
                lambda ours, theirs: torch.stack(
                    [-_difference(ours, theirs)[0], _difference(ours, theirs)[1]]
                )
            ),
            "The second number treats the columns as unpaired: seeds that shift both are noise.": (
                lambda ours, theirs: torch.stack(
                    [(ours - theirs).mean(), ((ours.var() + theirs.var()) / len(ours)).sqrt()]
                )
            ),
            "The second number is the spread of single differences; their mean errs less.": (
                lambda ours, theirs: torch.stack([(ours - theirs).mean(), (ours - theirs).std()])
            ),
            "The error shrinks with the square root of the number of seeds, not with the number.": (
                lambda ours, theirs: torch.stack(
                    [(ours - theirs).mean(), (ours - theirs).std() / len(ours)]
                )
            ),
            "The second number is a variance; the standard error is its square root.": (
                lambda ours, theirs: torch.stack(
                    [(ours - theirs).mean(), (ours - theirs).var() / len(ours)]
                )
            ),
            "The spread divides by n; divide by n − 1, since the mean is estimated too.": (
                lambda ours, theirs: torch.stack(
                    [
                        (ours - theirs).mean(),
                        (ours - theirs).std(correction=0) / len(ours) ** 0.5,
                    ]
                )
            ),
        },
    ),
}
