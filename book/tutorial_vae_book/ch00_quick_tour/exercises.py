"""The exercises of chapter 0, A quick tour."""

import torch
from torch import Tensor

from tutorial_vae.objectives import gaussian_kl
from tutorial_vae.similarity import cka

from ..checking import Exercise, random_input


def _line(
    start: Tensor, end: Tensor, count: int, *, ends: tuple[float, float] = (0.0, 1.0)
) -> Tensor:
    weights = torch.linspace(*ends, count, dtype=start.dtype)[:, None]
    return (1 - weights) * start + weights * end


def _biased_cka(x: Tensor, y: Tensor) -> Tensor:
    return torch.tensor(cka(x, y, estimator="biased"), dtype=x.dtype)


def _cka_of_raw(x: Tensor, y: Tensor) -> Tensor:
    return (x.T @ y).square().sum() / ((x.T @ x).norm() * (y.T @ y).norm())


def _centred(x: Tensor) -> Tensor:
    return x - x.mean(dim=0)


EXERCISES: dict[str, Exercise] = {
    "quick-tour-1": Exercise(
        inputs=[
            (random_input(4, 3, seed=0), random_input(4, 3, seed=1)),
            (random_input(2, 10, seed=2), torch.zeros(2, 10, dtype=torch.float64)),
            (torch.zeros(3, 5, dtype=torch.float64), random_input(3, 5, seed=3)),
        ],
        answer=gaussian_kl,
        mistakes={
            "This is the mean over the latent dimensions; the KL is their sum.": (
                lambda mean, log_var: gaussian_kl(mean, log_var) / mean.shape[1]
            ),
            "This is one number for the whole batch; give one value per image.": (
                lambda mean, log_var: gaussian_kl(mean, log_var).sum()
            ),
            "This is the mean over the batch; give one value per image.": (
                lambda mean, log_var: gaussian_kl(mean, log_var).mean()
            ),
            "This sums over the images; sum over the latent dimensions, dim=1.": (
                lambda mean, log_var: 0.5 * (mean.square() + log_var.exp() - 1 - log_var).sum(dim=0)
            ),
            "The factor ½ is missing.": lambda mean, log_var: 2 * gaussian_kl(mean, log_var),
            "This takes the log-variance for a variance: exponentiate it where σ² stands.": (
                lambda mean, log_var: (
                    0.5 * (mean.square() + log_var - 1 - log_var.abs().log()).sum(dim=1)
                )
            ),
            "This takes the log-variance for the logarithm of σ: σ² is exp(log_var).": (
                lambda mean, log_var: gaussian_kl(mean, 2 * log_var)
            ),
            "The sign is wrong: a KL divergence is never negative.": (
                lambda mean, log_var: -gaussian_kl(mean, log_var)
            ),
        },
    ),
    "quick-tour-2": Exercise(
        inputs=[
            (random_input(3, seed=0), random_input(3, seed=1), 5),
            (random_input(10, seed=2), random_input(10, seed=3), 2),
            (torch.zeros(4, dtype=torch.float64), torch.ones(4, dtype=torch.float64), 9),
        ],
        answer=_line,
        mistakes={
            "This runs from the end to the start.": lambda a, b, n: _line(b, a, n),
            "The last point stops short of the end: both ends belong to the line.": (
                lambda a, b, n: _line(a, b, n, ends=(0.0, 1 - 1 / n))
            ),
            "Both ends are left out: the first point is the start and the last is the end.": (
                lambda a, b, n: _line(a, b, n, ends=(1 / (n + 1), n / (n + 1)))
            ),
            "There is one point too many.": lambda a, b, n: _line(a, b, n + 1),
            "The points lie in the columns; put one latent in each row.": (
                lambda a, b, n: _line(a, b, n).T
            ),
        },
    ),
    "quick-tour-3": Exercise(
        inputs=[
            (random_input(30, 4, seed=0) + 3, random_input(30, 6, seed=1) + 1),
            (random_input(12, 5, seed=2) - 2, random_input(12, 5, seed=2) - 2),
            (
                random_input(20, 3, seed=4),
                random_input(20, 3, seed=4) + 0.5 * random_input(20, 3, seed=5),
            ),
        ],
        answer=_biased_cka,
        mistakes={
            "The features are not centred: subtract each feature's mean over the images first.": (
                _cka_of_raw
            ),
            "This centres each image instead of each feature: take the mean over dim=0.": (
                lambda x, y: _cka_of_raw(x - x.mean(1, keepdim=True), y - y.mean(1, keepdim=True))
            ),
            "This is the square root of the answer: the norm of XᵀY has to be squared.": (
                lambda x, y: _biased_cka(x, y).sqrt()
            ),
            "This is not divided by the norms of XᵀX and YᵀY.": (
                lambda x, y: (_centred(x).T @ _centred(y)).square().sum()
            ),
        },
    ),
}
