"""The exercises of chapter 6, The latent space."""

import torch
from torch import Tensor

from ..checking import Exercise, random_input


def _linear(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    return (1 - t[:, None]) * start + t[:, None] * end


def _shrinkage(t: Tensor) -> Tensor:
    """Mean square length along the line, over that of a draw."""
    return ((1 - t).square() + t.square())[:, None]


def _mended(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    return _linear(start, end, t) / _shrinkage(t).sqrt()


def _spherical(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    angle, along = (start @ end / (start.norm() * end.norm())).acos(), t[:, None]
    return (((1 - along) * angle).sin() * start + (along * angle).sin() * end) / angle.sin()


def _active(means: Tensor, threshold: float) -> Tensor:
    return (means.var(dim=0) > threshold).sum().double()


def _gaps(information: Tensor) -> Tensor:
    best = information.topk(2, dim=0).values
    return best[0] - best[1]


def _mig(information: Tensor, entropies: Tensor) -> Tensor:
    return (_gaps(information) / entropies).mean()


def _means(scales: list[float], offsets: list[float], *, seed: int) -> Tensor:
    shape = (40, len(scales))
    spread, middle = torch.tensor(scales).double(), torch.tensor(offsets).double()
    return random_input(*shape, seed=seed) * spread + middle


def _table(*shape: int, seed: int) -> Tensor:
    return random_input(*shape, seed=seed).abs()


EXERCISES: dict[str, Exercise] = {
    "latent-space-1": Exercise(
        inputs=[
            (
                0.5 * random_input(8, seed=0),
                0.4 * random_input(8, seed=1),
                torch.linspace(0, 1, 7, dtype=torch.float64),
            ),
            (
                2 * random_input(3, seed=2),
                0.5 * random_input(3, seed=3),
                torch.tensor([0.1, 0.7], dtype=torch.float64),
            ),
            (
                random_input(20, seed=4),
                3 * random_input(20, seed=5),
                torch.tensor([0.0, 0.3, 1.0], dtype=torch.float64),
            ),
        ],
        answer=_mended,
        mistakes={
            "This is the straight line of equation (2): half way it is too short.": _linear,
            "The root is missing: equation (3) is about the square of the length.": (
                lambda start, end, t: _linear(start, end, t) / _shrinkage(t)
            ),
            "This makes the line shorter still: divide by the root, don't multiply.": (
                lambda start, end, t: _linear(start, end, t) * _shrinkage(t).sqrt()
            ),
            "Each code is divided by its own length: then all are on one sphere, the ends too.": (
                lambda start, end, t: (
                    _linear(start, end, t) / _linear(start, end, t).norm(dim=1, keepdim=True)
                )
            ),
            "Each code has the length √d: the ends have lost their own lengths.": (
                lambda start, end, t: (
                    _linear(start, end, t)
                    / _linear(start, end, t).norm(dim=1, keepdim=True)
                    * len(start) ** 0.5
                )
            ),
            "The path runs backwards: it has to begin at the start.": (
                lambda start, end, t: _mended(end, start, t)
            ),
            "This is the path along the sphere, equation (4); the line is asked for.": _spherical,
            "This is the transpose: one row for each t.": (
                lambda start, end, t: _mended(start, end, t).T
            ),
        },
    ),
    "latent-space-2": Exercise(
        inputs=[
            (
                _means(
                    [1.0, 0.05, 0.2, 0.08, 0.002, 0.002, 0.002, 0.002, 0.002, 0.002],
                    [0.0, 3.0, -1.0, 0.0, 0.05, 0.05, 0.05, 0.0, 0.0, 0.0],
                    seed=0,
                ),
                0.01,
            ),
            (_means([0.3, 0.5, 0.6, 2.0], [0.0, 0.9, -0.3, 0.0], seed=1), 0.2),
            (_means([0.01, 0.02, 0.03], [2.0, -0.5, 1.0], seed=2), 0.01),
        ],
        answer=_active,
        mistakes={
            "The variance is taken over the dimensions of an image, not over the images.": (
                lambda means, threshold: (means.var(dim=1) > threshold).sum().double()
            ),
            "The mean square is no variance: a mean that never moves would count as active.": (
                lambda means, threshold: (means.square().mean(dim=0) > threshold).sum().double()
            ),
            "The standard deviation is compared; the threshold is for the variance.": (
                lambda means, threshold: (means.std(dim=0) > threshold).sum().double()
            ),
            "This counts the dimensions that are not active.": (
                lambda means, threshold: (means.var(dim=0) <= threshold).sum().double()
            ),
            "This says which dimensions are active; count them.": (
                lambda means, threshold: (means.var(dim=0) > threshold).double()
            ),
            "This is the share of the dimensions; give their number.": (
                lambda means, threshold: _active(means, threshold) / means.shape[1]
            ),
            "This looks at how large the means are, not at how much they vary.": (
                lambda means, threshold: (means.mean(dim=0).abs() > threshold).sum().double()
            ),
            "This counts single numbers above the threshold; count dimensions, by variance.": (
                lambda means, threshold: (means > threshold).sum().double()
            ),
            "One variance is taken of the whole table; each dimension has its own.": (
                lambda means, threshold: (means.var() > threshold).double()
            ),
            "All variances are added up; count those above the threshold.": (
                lambda means, threshold: means.var(dim=0).sum()
            ),
        },
    ),
    "latent-space-3": Exercise(
        inputs=[
            (_table(6, 4, seed=0), 1 + _table(4, seed=1)),
            (_table(3, 5, seed=2), 2 + _table(5, seed=3)),
            (_table(4, 4, seed=4), 1 + _table(4, seed=5)),
        ],
        answer=_mig,
        mistakes={
            "The gaps are not divided by the entropies of the factors.": (
                lambda information, entropies: _gaps(information).mean()
            ),
            "The gap is taken between factors; it is between the two best latents of a factor.": (
                lambda information, entropies: _gaps(information.T).mean() / entropies.mean()
            ),
            "This is the gap between the two best factors of each latent, undivided.": (
                lambda information, entropies: _gaps(information.T).mean()
            ),
            "Only the best latent counts here; what the second best knows is to be taken off.": (
                lambda information, entropies: (information.amax(dim=0) / entropies).mean()
            ),
            "This is the gap to the worst latent; the second best is what counts.": (
                lambda information, entropies: (
                    (information.amax(dim=0) - information.amin(dim=0)) / entropies
                ).mean()
            ),
            "The gap is taken between the two worst latents; it is between the two best.": (
                lambda information, entropies: (-_gaps(-information) / entropies).mean()
            ),
            "This is the gap to the mean of all latents; the second best is what counts.": (
                lambda information, entropies: (
                    (information.amax(dim=0) - information.mean(dim=0)) / entropies
                ).mean()
            ),
            "Divide each gap by its factor's entropy before averaging, not after.": (
                lambda information, entropies: _gaps(information).mean() / entropies.mean()
            ),
            "This is the gap of each factor; average them.": (
                lambda information, entropies: _gaps(information) / entropies
            ),
            "The gaps are summed; the score is their mean.": (
                lambda information, entropies: (_gaps(information) / entropies).sum()
            ),
            "The gaps are divided by the best latent's information, not by the entropy.": (
                lambda information, entropies: (_gaps(information) / information.amax(dim=0)).mean()
            ),
        },
    ),
}
