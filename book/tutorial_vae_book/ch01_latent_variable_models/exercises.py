"""The exercises of chapter 1, Latent variable models."""

import math

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from ..checking import Exercise, random_input


def _covariance(mean: Tensor, weights: Tensor, variance: float) -> Tensor:
    return weights @ weights.T + variance * torch.eye(len(mean), dtype=mean.dtype)


def _log_likelihood(x: Tensor, mean: Tensor, weights: Tensor, variance: float) -> Tensor:
    return MultivariateNormal(mean, _covariance(mean, weights, variance)).log_prob(x)


def _posterior_mean(x: Tensor, mean: Tensor, weights: Tensor, variance: float) -> Tensor:
    noise = variance * torch.eye(weights.shape[1], dtype=x.dtype)
    return torch.linalg.solve(weights.T @ weights + noise, weights.T @ (x - mean).T).T


def _entropy(shares: Tensor) -> Tensor:
    return torch.special.entr(shares).sum()


_MODELS = [
    (random_input(4, 6, seed=0), random_input(6, seed=1), random_input(6, 2, seed=2), 0.3),
    (random_input(3, 5, seed=3), random_input(5, seed=4), random_input(5, 1, seed=5), 2.0),
    (random_input(2, 8, seed=6), random_input(8, seed=7), random_input(8, 3, seed=8), 0.05),
]

EXERCISES: dict[str, Exercise] = {
    "latent-1": Exercise(
        inputs=_MODELS,
        answer=_log_likelihood,
        mistakes={
            "The noise has been given the square of its variance: what comes in is τ² already.": (
                lambda x, mean, weights, variance: _log_likelihood(x, mean, weights, variance**2)
            ),
            "The mean image is missing: the distribution is centred on it.": (
                lambda x, mean, weights, variance: _log_likelihood(
                    x + mean, mean, weights, variance
                )
            ),
            "This leaves the code out: its share of the covariance, WWᵀ, is missing.": (
                lambda x, mean, weights, variance: _log_likelihood(x, mean, 0 * weights, variance)
            ),
            "The logarithm of the covariance's determinant is missing.": (
                lambda x, mean, weights, variance: (
                    _log_likelihood(x, mean, weights, variance)
                    + 0.5 * torch.logdet(_covariance(mean, weights, variance))
                )
            ),
            "The factor ½ of the squared distance is missing.": (
                lambda x, mean, weights, variance: (
                    2 * _log_likelihood(x, mean, weights, variance)
                    - _log_likelihood(mean, mean, weights, variance)
                )
            ),
            "The constant with log 2π is missing.": (
                lambda x, mean, weights, variance: (
                    _log_likelihood(x, mean, weights, variance)
                    + 0.5 * len(mean) * math.log(2 * math.pi)
                )
            ),
            "This is a probability density; give its logarithm.": (
                lambda x, mean, weights, variance: _log_likelihood(x, mean, weights, variance).exp()
            ),
            "This is one number for the whole batch; give one value per image.": (
                lambda x, mean, weights, variance: _log_likelihood(x, mean, weights, variance).sum()
            ),
            "This is the mean over the pixels; a log-likelihood belongs to the whole image.": (
                lambda x, mean, weights, variance: (
                    _log_likelihood(x, mean, weights, variance) / len(mean)
                )
            ),
        },
    ),
    "latent-2": Exercise(
        inputs=_MODELS,
        answer=_posterior_mean,
        mistakes={
            "The noise is missing from M: without it the prior has no say.": (
                lambda x, mean, weights, variance: _posterior_mean(x, mean, weights, 0.0)
            ),
            "The noise has been given the square of its variance: what comes in is τ² already.": (
                lambda x, mean, weights, variance: _posterior_mean(x, mean, weights, variance**2)
            ),
            "The mean image has not been subtracted.": (
                lambda x, mean, weights, variance: _posterior_mean(
                    x + mean, mean, weights, variance
                )
            ),
            "The noise belongs on the diagonal of M only, not in every entry.": (
                lambda x, mean, weights, variance: (
                    (x - mean) @ weights @ torch.linalg.inv(weights.T @ weights + variance)
                )
            ),
            "This is multiplied by M itself; its inverse is wanted.": (
                lambda x, mean, weights, variance: (
                    (x - mean)
                    @ weights
                    @ (weights.T @ weights + variance * torch.eye(weights.shape[1], dtype=x.dtype))
                )
            ),
            "This is not multiplied by the inverse of M.": (
                lambda x, mean, weights, variance: (x - mean) @ weights
            ),
            "The codes lie in the columns; put one image in each row.": (
                lambda x, mean, weights, variance: _posterior_mean(x, mean, weights, variance).T
            ),
        },
    ),
    "latent-3": Exercise(
        inputs=[
            (torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64),),
            (torch.tensor([0.7, 0.0, 0.2, 0.1], dtype=torch.float64),),
            (torch.softmax(random_input(10, seed=0), dim=0),),
        ],
        answer=lambda shares: _entropy(shares).exp(),
        mistakes={
            "This is the entropy itself; exponentiate it to count classes.": _entropy,
            "The sign of the entropy is wrong: this is one divided by the answer.": (
                lambda shares: (-_entropy(shares)).exp()
            ),
            "The logarithm is to base 2 and the exponential to base e; take one base for both.": (
                lambda shares: (_entropy(shares) / math.log(2)).exp()
            ),
            "This counts every class that occurs, however rare it is.": (
                lambda shares: (shares > 0).sum().to(shares.dtype)
            ),
            "This is one divided by the sum of squared shares: another count, not that of (9).": (
                lambda shares: 1 / shares.square().sum()
            ),
        },
    ),
}
