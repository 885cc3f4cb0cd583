"""The exercises of chapter 2, The evidence lower bound."""

import math

import torch
from torch import Tensor

from ..checking import Exercise, random_input


def _bound(pixels: Tensor, kl: Tensor) -> Tensor:
    return pixels.sum(dim=(1, 2, 3)) - kl.sum(dim=1)


def _gap(mean: Tensor, std: Tensor, true_mean: Tensor, true_std: Tensor) -> Tensor:
    shift = (mean - true_mean).square() / true_std.square()
    ratio = std.square() / true_std.square()
    return 0.5 * (ratio + shift - 1 - ratio.log())


def _gap_without_squares(mean: Tensor, std: Tensor, true_mean: Tensor, true_std: Tensor) -> Tensor:
    return _gap(mean, std.sqrt(), true_mean, true_std.sqrt())


def _importance_weighted(log_weights: Tensor) -> Tensor:
    return log_weights.logsumexp(dim=0) - math.log(len(log_weights))


def _precision(weight: Tensor, noise: float, power: int = 2) -> Tensor:
    """Precision matrix of the true posterior."""
    identity = torch.eye(weight.shape[1], dtype=weight.dtype)
    return (weight.T @ weight + noise**power * identity) / noise**power


def _gap_of_widths(precision: Tensor, variance: Tensor, *, dimensions: float = 1.0) -> Tensor:
    trace = (precision.diag() * variance).sum() - dimensions * len(variance)
    return 0.5 * (trace - torch.logdet(precision) - variance.log().sum())


def _widths(weight: Tensor, noise: float, factor: float) -> tuple[Tensor, float, Tensor]:
    """Variances that a mean-field posterior could have, some factor off the closest ones."""
    spread = torch.linspace(1, factor, weight.shape[1], dtype=weight.dtype)
    return weight, noise, spread / _precision(weight, noise).diag()


def _pair(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    return first - 2, second.square()


EXERCISES: dict[str, Exercise] = {
    "elbo-1": Exercise(
        inputs=[
            _pair(random_input(3, 1, 4, 5, seed=0), random_input(3, 6, seed=1)),
            _pair(random_input(2, 3, 2, 2, seed=2), random_input(2, 10, seed=3)),
            _pair(random_input(1, 1, 8, 8, seed=4), random_input(1, 2, seed=5)),
        ],
        answer=_bound,
        mistakes={
            "This averages the log-likelihood over the pixels; it is their sum.": (
                lambda pixels, kl: pixels.mean(dim=(1, 2, 3)) - kl.sum(dim=1)
            ),
            "This averages the KL over the latents; it is their sum.": (
                lambda pixels, kl: pixels.sum(dim=(1, 2, 3)) - kl.mean(dim=1)
            ),
            "This averages over pixels and over latents; both are sums.": (
                lambda pixels, kl: pixels.mean(dim=(1, 2, 3)) - kl.mean(dim=1)
            ),
            "The KL is added; it has to be subtracted.": (
                lambda pixels, kl: pixels.sum(dim=(1, 2, 3)) + kl.sum(dim=1)
            ),
            "This is a loss, the negative of the bound.": lambda pixels, kl: -_bound(pixels, kl),
            "This is one number for the whole batch; give one value per image.": (
                lambda pixels, kl: _bound(pixels, kl).sum()
            ),
            "This is the mean over the batch; give one value per image.": (
                lambda pixels, kl: _bound(pixels, kl).mean()
            ),
        },
    ),
    "elbo-2": Exercise(
        inputs=[
            tuple(torch.tensor(v, dtype=torch.float64) for v in values)
            for values in (
                ([0.0, 1.0, -1.0], [1.5, 0.5, 2.5], [1.2, 1.2, 0.3], [0.4, 0.7, 1.5]),
                ([0.3, 2.0], [1.1, 0.1], [-0.5, 1.0], [0.2, 3.0]),
                ([1.0, 1.0, 1.0, 4.0], [2.0, 0.6, 0.9, 1.4], [1.0, 1.0, 1.0, 1.0], [0.7] * 4),
            )
        ],
        answer=_gap,
        mistakes={
            "This is the divergence the other way round: from the true posterior to q.": (
                lambda mean, std, true_mean, true_std: _gap(true_mean, true_std, mean, std)
            ),
            "The logarithm has the wrong sign: a q that is too narrow leaves a larger gap.": (
                lambda mean, std, true_mean, true_std: (
                    _gap(mean, std, true_mean, true_std) + 2 * (std / true_std).log()
                )
            ),
            "The logarithm of the ratio of the widths is missing.": (
                lambda mean, std, true_mean, true_std: (
                    _gap(mean, std, true_mean, true_std) + (std / true_std).log()
                )
            ),
            "The distance between the two means is missing.": (
                lambda mean, std, _, true_std: _gap(mean, std, mean, true_std)
            ),
            "The distance between the means is measured in widths of q, not of the true one.": (
                lambda mean, std, true_mean, true_std: (
                    _gap(mean, std, mean, true_std) + 0.5 * ((mean - true_mean) / std).square()
                )
            ),
            "The factor ½ is missing.": lambda *inputs: 2 * _gap(*inputs),
            "The sign is wrong: a gap is never negative.": lambda *inputs: -_gap(*inputs),
            "This takes the widths for variances; square them.": _gap_without_squares,
            "The 1 is missing: a q that equals the true posterior must leave no gap.": (
                lambda *inputs: _gap(*inputs) + 0.5
            ),
            "This is the KL to the prior; measure the distance to the true posterior.": (
                lambda mean, std, *_: _gap(mean, std, torch.zeros_like(mean), torch.ones_like(std))
            ),
            "This is one number for all pairs; give one value for each.": (
                lambda *inputs: _gap(*inputs).sum()
            ),
        },
    ),
    "elbo-3": Exercise(
        inputs=[
            (3 * random_input(5, 4, seed=0),),
            (random_input(64, 3, seed=1) - 2000,),
            (random_input(1, 6, seed=2) + 50,),
        ],
        answer=_importance_weighted,
        mistakes={
            "This is the mean of the logarithms: the ELBO, which does not climb.": (
                lambda log_weights: log_weights.mean(dim=0)
            ),
            "This is the logarithm of the sum; subtract the logarithm of the number of draws.": (
                lambda log_weights: log_weights.logsumexp(dim=0)
            ),
            "The logarithm is divided by the number of draws; subtract the number's logarithm.": (
                lambda log_weights: log_weights.logsumexp(dim=0) / len(log_weights)
            ),
            "This averages over the images; average over the draws, dim=0.": (
                lambda log_weights: log_weights.logsumexp(dim=1) - math.log(log_weights.shape[1])
            ),
            "This is the mean weight; its logarithm is wanted.": (
                lambda log_weights: log_weights.exp().mean(dim=0)
            ),
            "Right where the weights are of ordinary size; on very small ones it gives minus "
            "infinity, because their exponentials round to zero. Stay among the logarithms.": (
                lambda log_weights: log_weights.exp().mean(dim=0).log()
            ),
            "This is one number for the whole batch; give one value per image.": (
                lambda log_weights: _importance_weighted(log_weights).mean()
            ),
        },
    ),
    "elbo-4": Exercise(
        inputs=[
            _widths(random_input(8, 3, seed=0), 0.5, 4.0),
            _widths(random_input(20, 5, seed=1), 0.8, 0.3),
            _widths(torch.diag(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)), 0.7, 1.0),
        ],
        answer=lambda weight, noise, variance: _gap_of_widths(_precision(weight, noise), variance),
        mistakes={
            "The trace is missing: it is d only for the closest q.": (
                lambda weight, noise, variance: (
                    -0.5 * (torch.logdet(_precision(weight, noise)) + variance.log().sum())
                )
            ),
            "The number of latents d is not taken off the trace.": (
                lambda weight, noise, variance: _gap_of_widths(
                    _precision(weight, noise), variance, dimensions=0.0
                )
            ),
            "This takes M for the inverse of S; it is M over the square of the noise.": (
                lambda weight, noise, variance: _gap_of_widths(
                    noise**2 * _precision(weight, noise), variance
                )
            ),
            "This adds the standard deviation of the noise where its square belongs.": (
                lambda weight, noise, variance: _gap_of_widths(
                    _precision(weight, noise, power=1), variance
                )
            ),
            "This uses the covariance S in the trace; its inverse belongs there.": (
                lambda weight, noise, variance: _gap_of_widths(
                    torch.linalg.inv(_precision(weight, noise)), variance
                )
            ),
            "This takes the variances for standard deviations, and squares them.": (
                lambda weight, noise, variance: _gap_of_widths(
                    _precision(weight, noise), variance.square()
                )
            ),
            "The factor ½ is missing.": (
                lambda weight, noise, variance: (
                    2 * _gap_of_widths(_precision(weight, noise), variance)
                )
            ),
            "The sign is wrong: a gap is never negative.": (
                lambda weight, noise, variance: -_gap_of_widths(_precision(weight, noise), variance)
            ),
            "This is the divergence the other way round: from the true posterior to q.": (
                lambda weight, noise, variance: (
                    0.5
                    * (
                        (torch.linalg.inv(_precision(weight, noise)).diag() / variance - 1).sum()
                        + torch.logdet(_precision(weight, noise))
                        + variance.log().sum()
                    )
                )
            ),
        },
    ),
}
