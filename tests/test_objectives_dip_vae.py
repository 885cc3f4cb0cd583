"""DIP-VAE's covariances and penalty, against known matrices."""

import math

import pytest
import torch

import tutorial_vae as tv
from tutorial_vae.objectives import covariance_penalty


@pytest.mark.parametrize(
    ("matrix", "penalty"),
    [
        (torch.ones(10, 10), 90.0),
        (torch.zeros(10, 10), 10.0),
        (torch.eye(10), 0.0),
        (2 * torch.eye(10), 10.0),
    ],
)
def test_penalties_published_in_disentanglement_lib(matrix: torch.Tensor, penalty: float) -> None:
    assert covariance_penalty(matrix, off_diagonal=1.0, diagonal=1.0).item() == penalty


def test_penalty_weights_the_diagonal_and_the_rest() -> None:
    covariance = torch.tensor([[3.0, 0.5], [0.5, 1.0]])
    penalty = covariance_penalty(covariance, off_diagonal=10.0, diagonal=100.0)
    assert penalty.item() == pytest.approx(10 * 2 * 0.25 + 100 * 4)


def _latents() -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    mean = torch.randn(50, 3, generator=random, dtype=torch.float64) @ torch.tensor(
        [[2.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.5]], dtype=torch.float64
    )
    return mean + 7, torch.randn(50, 3, generator=random, dtype=torch.float64)


def test_covariances_are_of_the_means_or_of_the_latents() -> None:
    mean, log_var = _latents()
    of_means = torch.cov(mean.T, correction=0)
    one = tv.DIPVAE("I", off_diagonal=1.0, diagonal=1.0).covariance(mean, log_var)
    torch.testing.assert_close(one, of_means)
    two = tv.DIPVAE("II", off_diagonal=1.0, diagonal=1.0).covariance(mean, log_var)
    torch.testing.assert_close(two, of_means + log_var.exp().mean(dim=0).diag())
    # Law of total covariance: what many draws from all posteriors scatter by.
    torch.manual_seed(0)
    z = mean + (0.5 * log_var).exp() * torch.randn(4000, 50, 3, dtype=torch.float64)
    torch.testing.assert_close(two, torch.cov(z.flatten(0, 1).T), atol=0.05, rtol=0)


def test_covariance_stays_precise_under_autocast() -> None:
    mean, log_var = (part.float() for part in _latents())
    objective = tv.DIPVAE("II", off_diagonal=1.0, diagonal=1.0)
    with torch.autocast("cpu", torch.bfloat16):
        covariance = objective.covariance(mean, log_var)
    assert torch.equal(covariance, objective.covariance(mean, log_var))


def test_identity_covariance_leaves_the_elbo() -> None:
    torch.manual_seed(0)
    model = tv.VAE((1, 1, 2), 2, architecture="linear").double()
    with torch.no_grad():
        model.encoder.mean.weight.copy_(2 * torch.eye(2))
        model.encoder.log_var.weight.zero_()
        model.encoder.log_var.bias.fill_(-1.0)
    # The corners of the unit square, stretched by 2, have the identity as their covariance.
    x = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=torch.float64).reshape(4, 1, 1, 2)
    covariance = tv.DIPVAE("I", off_diagonal=9.0, diagonal=9.0).covariance(
        model.encode(x).mean, torch.zeros(4, 2, dtype=torch.float64)
    )
    torch.testing.assert_close(covariance, torch.eye(2, dtype=torch.float64))
    result = tv.DIPVAE("I", off_diagonal=9.0, diagonal=9.0)(model, x)
    torch.testing.assert_close(result.elbo, result.log_likelihood - result.kl)
    # The posteriors' own variance of 1/e comes on top of the diagonal: 9 (1/e)² for each of two.
    result = tv.DIPVAE("II", off_diagonal=9.0, diagonal=9.0)(model, x)
    penalty = result.log_likelihood - result.kl - result.elbo
    torch.testing.assert_close(penalty, torch.full_like(penalty, 18 * math.exp(-2)))
