"""The exercises of chapter 4, Reparameterisation."""

import torch
from torch import Tensor

from ..checking import Exercise, random_input


def _reparameterised(mean: Tensor, log_var: Tensor, noise: Tensor) -> Tensor:
    return mean + (0.5 * log_var).exp() * noise


def _score_estimate(values: Tensor, z: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    return (values[:, None] * (z - mean) / std.square()).mean(dim=0)


def _best_baseline(values: Tensor, scores: Tensor) -> Tensor:
    return (values * scores.square()).sum() / scores.square().sum()


def _draws(draws: int, latents: int, *, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    mean = random_input(latents, seed=seed)
    std = 0.3 + random_input(latents, seed=seed + 1).square()
    z = mean + std * random_input(draws, latents, seed=seed + 2)
    return random_input(draws, seed=seed + 3) - 2, z, mean, std


EXERCISES: dict[str, Exercise] = {
    "reparameterisation-1": Exercise(
        inputs=[
            # Positive log-variances, so that even a square root of them can be recognised.
            (
                random_input(4, 3, seed=0),
                random_input(4, 3, seed=1).abs(),
                random_input(4, 3, seed=2),
            ),
            tuple(random_input(2, 10, seed=seed) for seed in (3, 4, 5)),
            (
                torch.zeros(3, 5, dtype=torch.float64),
                random_input(3, 5, seed=6),
                random_input(3, 5, seed=7),
            ),
        ],
        answer=_reparameterised,
        mistakes={
            "This multiplies the noise by the variance: σ is its square root.": (
                lambda mean, log_var, noise: mean + log_var.exp() * noise
            ),
            "This multiplies the noise by the log-variance: turn it into σ first.": (
                lambda mean, log_var, noise: mean + log_var * noise
            ),
            "This takes half the log-variance for σ: exponentiate it.": (
                lambda mean, log_var, noise: mean + 0.5 * log_var * noise
            ),
            "This takes the square root of σ: the variance is the exponential of log_var, "
            "and σ its root.": lambda mean, log_var, noise: mean + (0.25 * log_var).exp() * noise,
            "This takes the square root of the log-variance: exponentiate it first.": (
                lambda mean, log_var, noise: mean + log_var.sqrt() * noise
            ),
            "This squares the variance; its square root is wanted, so halve log_var.": (
                lambda mean, log_var, noise: mean + (2 * log_var).exp() * noise
            ),
            "This adds σ to the noise: multiply them.": (
                lambda mean, log_var, noise: mean + (0.5 * log_var).exp() + noise
            ),
            "The mean is missing.": lambda mean, log_var, noise: (0.5 * log_var).exp() * noise,
            "The noise is missing: this is the mean shifted by σ.": (
                lambda mean, log_var, noise: mean + (0.5 * log_var).exp()
            ),
            "The noise is not scaled by σ.": lambda mean, log_var, noise: mean + noise,
            "This scales the mean as well: only the noise is multiplied by σ.": (
                lambda mean, log_var, noise: (0.5 * log_var).exp() * (mean + noise)
            ),
        },
    ),
    "reparameterisation-2": Exercise(
        inputs=[_draws(6, 3, seed=0), _draws(20, 1, seed=10), _draws(9, 5, seed=20)],
        answer=_score_estimate,
        mistakes={
            "This divides by σ where σ² stands.": (
                lambda values, z, mean, std: _score_estimate(values, z, mean, std.sqrt())
            ),
            "The difference from the mean has to be divided by σ².": (
                lambda values, z, mean, std: _score_estimate(values, z, mean, torch.ones_like(std))
            ),
            "This has half of it: the 2 of the square cancels the 2 below the line.": (
                lambda values, z, mean, std: 0.5 * _score_estimate(values, z, mean, std)
            ),
            "This multiplies by log q itself; differentiate it with respect to the mean.": (
                lambda values, z, mean, std: (
                    values[:, None] * -0.5 * ((z - mean) / std).square()
                ).mean(dim=0)
            ),
            "This subtracts a baseline taken from the same draws: equation (3) has none.": (
                lambda values, z, mean, std: _score_estimate(values - values.mean(), z, mean, std)
            ),
            "This averages over the latents as well; give one derivative for each.": (
                lambda values, z, mean, std: _score_estimate(values, z, mean, std).mean()
            ),
            "This is the sum over the draws; an expectation is estimated by their mean.": (
                lambda values, z, mean, std: len(z) * _score_estimate(values, z, mean, std)
            ),
            "This averages over the latent dimensions; average over the draws.": (
                lambda values, z, mean, std: (values[:, None] * (z - mean) / std.square()).mean(
                    dim=1
                )
            ),
            "This is one gradient per draw; average over the draws.": (
                lambda values, z, mean, std: values[:, None] * (z - mean) / std.square()
            ),
            "The values of f are missing: this is the mean score, which estimates zero.": (
                lambda values, z, mean, std: ((z - mean) / std.square()).mean(dim=0)
            ),
            "This is the derivative with respect to z: differentiate log q with respect to the "
            "mean.": lambda values, z, mean, std: -_score_estimate(values, z, mean, std),
            "This averages values and scores apart; average their product.": (
                lambda values, z, mean, std: values.mean() * ((z - mean) / std.square()).mean(dim=0)
            ),
        },
    ),
    "reparameterisation-3": Exercise(
        inputs=[
            (random_input(8, seed=0) - 3, random_input(8, seed=1)),
            (random_input(50, seed=2) + 1, 4 * random_input(50, seed=3)),
            (random_input(3, seed=4).square(), random_input(3, seed=5)),
        ],
        answer=_best_baseline,
        mistakes={
            "This is the mean of f, which is good and not the best: weigh each value.": (
                lambda values, scores: values.mean()
            ),
            "The weights are the scores themselves; they have to be their squares.": (
                lambda values, scores: (values * scores).sum() / scores.sum()
            ),
            "The weights are the sizes of the scores; they have to be their squares.": (
                lambda values, scores: (values * scores.abs()).sum() / scores.abs().sum()
            ),
            "This divides by how many draws there are, not by what the weights add up to.": (
                lambda values, scores: (values * scores.square()).mean()
            ),
            "The denominator is missing: divide by what the weights add up to.": (
                lambda values, scores: (values * scores.square()).sum()
            ),
            "The scores are squared below the line and not above it.": (
                lambda values, scores: (values * scores).sum() / scores.square().sum()
            ),
            "The scores are squared above the line and not below it.": (
                lambda values, scores: (values * scores.square()).sum() / scores.sum()
            ),
            "The values are squared too; only the scores are.": (
                lambda values, scores: (values * scores).square().sum() / scores.square().sum()
            ),
            "This is one number per draw; the baseline is one number for all.": (
                lambda values, scores: values * scores.square() / scores.square().sum()
            ),
        },
    ),
}
