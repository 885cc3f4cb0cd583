"""The exercises of chapter 3, The KL divergence."""

import math

import torch
from torch import Tensor

from ..checking import Exercise, random_input


def _divergence(mean_q: Tensor, std_q: Tensor, mean_p: Tensor, std_p: Tensor) -> Tensor:
    spread = std_q**2 + (mean_q - mean_p) ** 2
    return (std_p / std_q).log() + spread / (2 * std_p**2) - 0.5


def _estimate(log_q: Tensor, log_p: Tensor) -> Tensor:
    log_ratio = log_q - log_p
    return torch.stack([log_ratio.mean(), log_ratio.std() / len(log_ratio) ** 0.5])


def _covering(weights: Tensor, means: Tensor, stds: Tensor) -> Tensor:
    mean = weights @ means
    return torch.stack([mean, (weights @ (stds**2 + (means - mean) ** 2)).sqrt()])


def _heaviest(weights: Tensor, means: Tensor, stds: Tensor) -> Tensor:
    return torch.stack([means[weights.argmax()], stds[weights.argmax()]])


def _penalty(kl: Tensor, free: float) -> Tensor:
    return kl.mean(dim=0).clamp(min=free).sum()


def _widths(*shape: int, seed: int) -> Tensor:
    return (0.5 * random_input(*shape, seed=seed)).exp()


def _numbers(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


EXERCISES: dict[str, Exercise] = {
    "kl-1": Exercise(
        inputs=[
            (
                random_input(5, seed=0),
                _widths(5, seed=1),
                random_input(5, seed=2),
                _widths(5, seed=3),
            ),
            (_numbers(1.0), _numbers(0.5), _numbers(0.0), _numbers(1.0)),
            (
                random_input(3, 2, seed=4),
                _widths(3, 2, seed=5),
                random_input(3, 2, seed=6),
                _widths(3, 2, seed=7),
            ),
        ],
        answer=_divergence,
        mistakes={
            "This is the other direction, KL(p‖q).": (
                lambda mean_q, std_q, mean_p, std_p: _divergence(mean_p, std_p, mean_q, std_q)
            ),
            "The −½ is missing: two equal Gaussians must give 0.": (
                lambda *gaussians: _divergence(*gaussians) + 0.5
            ),
            "The logarithm is upside down: a narrower q has to cost more.": (
                lambda mean_q, std_q, mean_p, std_p: (
                    _divergence(mean_q, std_q, mean_p, std_p) + 2 * (std_q / std_p).log()
                )
            ),
            "This takes the widths for variances: square them.": (
                lambda mean_q, std_q, mean_p, std_p: (
                    (std_p / std_q).log() + (std_q + (mean_q - mean_p) ** 2) / (2 * std_p) - 0.5
                )
            ),
            "The distance between the means has to be squared.": (
                lambda mean_q, std_q, mean_p, std_p: (
                    (std_p / std_q).log()
                    + (std_q**2 + (mean_q - mean_p).abs()) / (2 * std_p**2)
                    - 0.5
                )
            ),
            "The means are left out.": (
                lambda mean_q, std_q, mean_p, std_p: _divergence(mean_q, std_q, mean_q, std_p)
            ),
            "A factor of 2 is missing below the fraction.": (
                lambda mean_q, std_q, mean_p, std_p: (
                    (std_p / std_q).log() + (std_q**2 + (mean_q - mean_p) ** 2) / std_p**2 - 0.5
                )
            ),
            "This is in bits; natural logarithms give nats.": (
                lambda *gaussians: _divergence(*gaussians) / math.log(2)
            ),
            "The sign is wrong: a KL divergence is never negative.": (
                lambda *gaussians: -_divergence(*gaussians)
            ),
            "Only the squared distance is divided; the squared width of q belongs above the line "
            "too.": (
                lambda mean_q, std_q, mean_p, std_p: (
                    (std_p / std_q).log() + std_q**2 + (mean_q - mean_p) ** 2 / (2 * std_p**2) - 0.5
                )
            ),
            "This multiplies by the variance of p: bracket what stands below the line.": (
                lambda mean_q, std_q, mean_p, std_p: (
                    (std_p / std_q).log() + (std_q**2 + (mean_q - mean_p) ** 2) / 2 * std_p**2 - 0.5
                )
            ),
            "Below the line stands the variance of p, not that of q.": (
                lambda mean_q, std_q, mean_p, std_p: (
                    (std_p / std_q).log()
                    + (std_q**2 + (mean_q - mean_p) ** 2) / (2 * std_q**2)
                    - 0.5
                )
            ),
            "The logarithm is that of the ratio of widths, not of variances.": (
                lambda mean_q, std_q, mean_p, std_p: (
                    _divergence(mean_q, std_q, mean_p, std_p) + (std_p / std_q).log()
                )
            ),
            "This takes p for the standard normal; it has a mean and a width of its own.": (
                lambda mean_q, std_q, mean_p, std_p: _divergence(
                    mean_q, std_q, torch.zeros_like(mean_p), torch.ones_like(std_p)
                )
            ),
            "This adds the entries up; give one value for each.": (
                lambda *gaussians: _divergence(*gaussians).sum()
            ),
        },
    ),
    "kl-2": Exercise(
        inputs=[
            (random_input(12, seed=0), random_input(12, seed=1) - 1),
            (random_input(50, seed=2) + 2, random_input(50, seed=3)),
            (random_input(7, seed=4) - 1, random_input(7, seed=5)),  # its estimate is negative
        ],
        answer=_estimate,
        mistakes={
            "The estimate has lost its sign: it may be negative, although the KL is not.": (
                lambda log_q, log_p: torch.stack(
                    [(log_q - log_p).mean().abs(), _estimate(log_q, log_p)[1]]
                )
            ),
            "The ratio is upside down: it is the log-density of q minus that of p.": (
                lambda log_q, log_p: _estimate(log_p, log_q)
            ),
            "The second number is the spread of single draws; their mean errs less.": (
                lambda log_q, log_p: torch.stack([(log_q - log_p).mean(), (log_q - log_p).std()])
            ),
            "The error shrinks with the square root of the number of draws, not with the number.": (
                lambda log_q, log_p: torch.stack(
                    [(log_q - log_p).mean(), (log_q - log_p).std() / len(log_q)]
                )
            ),
            "The second number is a variance; the standard error is its square root.": (
                lambda log_q, log_p: torch.stack(
                    [(log_q - log_p).mean(), (log_q - log_p).var() / len(log_q)]
                )
            ),
            "The spread divides by n; divide by n − 1, since the mean is estimated too.": (
                lambda log_q, log_p: torch.stack(
                    [
                        (log_q - log_p).mean(),
                        (log_q - log_p).std(correction=0) / len(log_q) ** 0.5,
                    ]
                )
            ),
            "The first number is a sum over the draws; the expectation is their mean.": (
                lambda log_q, log_p: torch.stack(
                    [(log_q - log_p).sum(), _estimate(log_q, log_p)[1]]
                )
            ),
            "The density of q counts twice: draws from q need no weights in their mean.": (
                lambda log_q, log_p: torch.stack(
                    [(log_q.exp() * (log_q - log_p)).mean(), _estimate(log_q, log_p)[1]]
                )
            ),
            "The second number is half a 95 % interval; give one standard error.": (
                lambda log_q, log_p: _estimate(log_q, log_p) * _numbers(1.0, 1.96)
            ),
            "The square root of n − 1 stands where that of n belongs; n − 1 is for the spread.": (
                lambda log_q, log_p: (
                    _estimate(log_q, log_p) * _numbers(1.0, (len(log_q) / (len(log_q) - 1)) ** 0.5)
                )
            ),
        },
    ),
    "kl-3": Exercise(
        inputs=[
            (_numbers(0.6, 0.4), _numbers(-2.0, 1.5), _numbers(0.5, 0.8)),
            (_numbers(0.2, 0.5, 0.3), _numbers(0.0, 3.0, -1.0), _numbers(1.0, 0.3, 0.6)),
            (_numbers(1.0), _numbers(2.0), _numbers(0.7)),
        ],
        answer=_covering,
        mistakes={
            "The second number is the variance; give the standard deviation.": (
                lambda weights, means, stds: torch.stack(
                    [weights @ means, _covering(weights, means, stds)[1] ** 2]
                )
            ),
            "The distance between the peaks is left out: it widens the fit.": (
                lambda weights, means, stds: torch.stack(
                    [weights @ means, (weights @ stds**2).sqrt()]
                )
            ),
            "Widths do not average; variances do, and the peaks' distances come on top.": (
                lambda weights, means, stds: torch.stack([weights @ means, weights @ stds])
            ),
            "The peaks count alike here, whatever their weights.": (
                lambda weights, means, stds: _covering(
                    torch.full_like(weights, 1 / len(weights)), means, stds
                )
            ),
            "The second moment about 0 is no variance: measure the means from the fitted mean.": (
                lambda weights, means, stds: torch.stack(
                    [weights @ means, (weights @ (stds**2 + means**2)).sqrt()]
                )
            ),
            "The peaks have widths of their own; they are left out.": (
                lambda weights, means, stds: _covering(weights, means, torch.zeros_like(stds))
            ),
            "The widths of the peaks are not squared.": (
                lambda weights, means, stds: _covering(weights, means, stds.sqrt())
            ),
            "This is the heaviest peak, near what the other direction chooses.": _heaviest,
        },
    ),
    "kl-4": Exercise(
        inputs=[
            (random_input(6, 4, seed=0) ** 2 * _numbers(1.0, 0.1, 0.5, 0.02), 0.3),
            (random_input(9, 3, seed=1) ** 2, 0.5),
            (random_input(5, 2, seed=2) ** 2, 0.0),
        ],
        answer=_penalty,
        mistakes={
            "The maximum comes before the average: average over the images first.": (
                lambda kl, free: kl.clamp(min=free).mean(dim=0).sum()
            ),
            "This is the minimum: it caps what a dimension costs, and leaves nothing free.": (
                lambda kl, free: kl.mean(dim=0).clamp(max=free).sum()
            ),
            "The free nats change nothing here: each dimension has its own, not all together.": (
                lambda kl, free: kl.mean(dim=0).sum().clamp(min=free)
            ),
            "The free nats are taken off the cost; they are the least that a dimension costs.": (
                lambda kl, free: (kl.mean(dim=0) - free).clamp(min=0).sum()
            ),
            "The dimensions are averaged; the KL is their sum.": (
                lambda kl, free: kl.mean(dim=0).clamp(min=free).mean()
            ),
            "The images are summed; average over them.": (
                lambda kl, free: kl.sum(dim=0).clamp(min=free).sum()
            ),
            "This averages over the dimensions and sums over the images: the axes are swapped.": (
                lambda kl, free: kl.mean(dim=1).clamp(min=free).sum()
            ),
            "This is the price of each dimension; add them up.": (
                lambda kl, free: kl.mean(dim=0).clamp(min=free)
            ),
            "A dimension below its allowance costs nothing here; it should cost the allowance.": (
                lambda kl, free: (kl.mean(dim=0) * (kl.mean(dim=0) > free)).sum()
            ),
            "This is the largest KL; the maximum is taken for each dimension, against λ.": (
                lambda kl, free: kl.mean(dim=0).max()
            ),
        },
    ),
}
