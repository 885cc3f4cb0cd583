"""FactorVAE: which gradient reaches which network, and what the discriminator learns."""

import math

import pytest
import torch
from torch.nn.functional import logsigmoid

import tutorial_vae as tv
from tutorial_vae.objectives import permute_dimensions


def _run(gamma: float) -> tuple[tv.VAE, tv.FactorVAE, torch.Tensor]:
    torch.manual_seed(0)
    model = tv.VAE((1, 16, 16), 3, architecture="mlp").double()
    objective = tv.FactorVAE(3, gamma=gamma, hidden=8).double()
    return model, objective, torch.rand(6, 1, 16, 16, dtype=torch.float64)


def _gradients(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: p.grad.clone() for name, p in module.named_parameters() if p.grad is not None}


def _same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    for name, value in a.items():
        torch.testing.assert_close(value, b[name], msg=name)


def test_each_network_gets_the_gradient_of_its_own_terms() -> None:
    gamma = 4.0
    model, objective, x = _run(gamma)
    torch.manual_seed(1)
    result = objective(model, x)
    result.elbo.mean().backward()
    vae, discriminator = _gradients(model), _gradients(objective)

    # The two objectives of the paper's algorithm, each on its own with the other network frozen.
    model.zero_grad()
    objective.zero_grad()
    torch.manual_seed(1)
    posterior = model.encode(x)
    z = posterior.rsample()
    shuffled = permute_dimensions(z.detach())
    objective.requires_grad_(requires_grad=False)
    log_ratio = objective.discriminator(z).squeeze(1)
    of_vae = (model.decode(z).log_prob(x) - result.kl.detach() - gamma * log_ratio).mean()
    kl = tv.gaussian_kl(posterior.mean, 2 * posterior.stddev.log())
    (of_vae - kl.mean()).backward()
    _same(_gradients(model), vae)
    assert not _gradients(objective)

    model.zero_grad()
    objective.requires_grad_(requires_grad=True)
    real, fake = (objective.discriminator(part).squeeze(1) for part in (z.detach(), shuffled))
    of_discriminator = 0.5 * (logsigmoid(real) + logsigmoid(-fake)).mean()
    of_discriminator.backward()
    _same(_gradients(objective), discriminator)
    assert not _gradients(model)
    assert result.elbo.mean().item() == pytest.approx((of_vae + of_discriminator).item())


def test_gamma_moves_the_vae_only() -> None:
    gradients = []
    for gamma in (0.0, 50.0):
        model, objective, x = _run(gamma)
        torch.manual_seed(1)
        objective(model, x).elbo.mean().backward()
        gradients.append((_gradients(model), _gradients(objective)))
    (plain, one), (penalised, other) = gradients
    _same(one, other)
    name = "encoder.mean.weight"
    assert not torch.allclose(plain[name], penalised[name])
    # Without a penalty the VAE's gradient is that of the ELBO.
    model, _, x = _run(0.0)
    torch.manual_seed(1)
    tv.elbo(model, x).elbo.mean().backward()
    _same(_gradients(model), plain)


def test_shuffling_keeps_each_dimension_and_breaks_what_joins_them() -> None:
    torch.manual_seed(0)
    first = torch.randn(2000, 1)
    z = torch.cat([first, first, -first], dim=1)
    shuffled = permute_dimensions(z)
    torch.testing.assert_close(shuffled.sort(dim=0).values, z.sort(dim=0).values)
    correlation = torch.corrcoef(shuffled.T) - torch.eye(3)
    assert correlation.abs().max() < 0.1


def test_discriminator_learns_the_total_correlation_of_correlated_gaussians() -> None:
    torch.manual_seed(0)
    correlation = 0.8
    truth = -0.5 * math.log(1 - correlation**2)
    chol = torch.linalg.cholesky(torch.tensor([[1.0, correlation], [correlation, 1.0]]))
    discriminator = tv.FactorVAE(2, gamma=1.0, hidden=32).discriminator
    optimiser = torch.optim.Adam(discriminator.parameters(), lr=1e-3)
    for _ in range(400):
        z = torch.randn(512, 2) @ chol.T
        real, fake = discriminator(z), discriminator(permute_dimensions(z))
        loss = -0.5 * (logsigmoid(real) + logsigmoid(-fake)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        estimate = discriminator(torch.randn(20_000, 2) @ chol.T).mean().item()
    assert estimate == pytest.approx(truth, abs=0.1)
