"""The continuous Bernoulli, against numerical integration and PyTorch's own."""

import math

import pytest
import torch
from scipy.integrate import quad

from tutorial_vae.likelihoods import ContinuousBernoulli

LOGITS = [-700.0, -30.0, -5.0, -0.3, -0.11, -0.09, -1e-3, 0.0, 1e-5, 4.1e-3, 0.1, 1.0, 16.0, 50.0]


def _integrals(logit: float) -> tuple[float, float]:
    """Return log of the integral of exp(ηx), and the mean, by quadrature of the peak's side."""
    size = abs(logit)
    # In the distance from the side where the density is highest, so that nothing overflows.
    reach = min(1.0, 40 / size) if size else 1.0
    mass = quad(lambda t: math.exp(-size * t), 0, reach, epsabs=0, epsrel=1e-13)[0]
    first = quad(lambda t: t * math.exp(-size * t), 0, reach, epsabs=0, epsrel=1e-13)[0]
    mean = first / mass
    return max(logit, 0.0) + math.log(mass), 1 - mean if logit > 0 else mean


@pytest.mark.parametrize("logit", LOGITS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 2e-6)])
def test_normaliser_mean_and_slope_agree_with_integration(
    logit: float, dtype: torch.dtype, tolerance: float
) -> None:
    logits = torch.tensor([logit], dtype=dtype, requires_grad=True)
    distribution = ContinuousBernoulli(logits)
    log_integral, mean = _integrals(logits.item())
    found = distribution.log_normaliser()
    assert found.item() == pytest.approx(log_integral, abs=tolerance, rel=tolerance)
    assert distribution.mean.item() == pytest.approx(mean, abs=tolerance)
    # The slope of the log-normaliser is the mean: so is the gradient that training sees.
    (slope,) = torch.autograd.grad(found.sum(), logits)
    assert slope.item() == pytest.approx(mean, abs=5 * tolerance)
    (slope,) = torch.autograd.grad(distribution.mean.sum(), logits)
    assert math.isfinite(slope.item())
    assert slope.item() >= -tolerance


@pytest.mark.parametrize("logit", LOGITS)
def test_density_integrates_to_one(logit: float) -> None:
    distribution = ContinuousBernoulli(torch.tensor([logit], dtype=torch.float64))

    def density(x: float) -> float:
        return distribution.log_prob(torch.tensor([x], dtype=torch.float64)).exp().item()

    peak = 0.0 if logit < 0 else 1.0
    points = [abs(peak - 40 / abs(logit))] if abs(logit) > 40 else None
    assert quad(density, 0, 1, points=points)[0] == pytest.approx(1, abs=1e-7)


def test_agrees_with_pytorch_where_pytorch_is_exact() -> None:
    logits = torch.tensor([-8.0, -2.0, 0.5, 3.0], dtype=torch.float64)
    x = torch.tensor([0.1, 0.0, 1.0, 0.6], dtype=torch.float64)
    ours = ContinuousBernoulli(logits)
    reference = torch.distributions.ContinuousBernoulli(logits=logits)
    torch.testing.assert_close(ours.log_prob(x), reference.log_prob(x))
    torch.testing.assert_close(ours.mean, reference.mean)


def test_pytorch_is_off_by_what_the_docstring_says() -> None:
    # Should these fail, PyTorch has mended its distribution, and ours can go.
    logits = torch.tensor([20.0, 30.0], requires_grad=True)
    reference = torch.distributions.ContinuousBernoulli(logits=logits)
    ours = ContinuousBernoulli(logits)
    x = torch.ones(2)
    error = ours.log_prob(x) - reference.log_prob(x)
    torch.testing.assert_close(error, torch.tensor([0.2267, 0.6322]), atol=1e-3, rtol=0)
    near_half = torch.tensor([0.005])
    error = ContinuousBernoulli(near_half).mean
    error = error - torch.distributions.ContinuousBernoulli(logits=near_half).mean
    assert error.item() == pytest.approx(4e-4, abs=1e-4)


def test_mean_is_not_the_logistic_function() -> None:
    logits = torch.tensor([-3.0, 0.0, 3.0])
    mean = ContinuousBernoulli(logits).mean
    torch.testing.assert_close(mean, torch.tensor([0.280938, 0.5, 0.719062]), atol=1e-5, rtol=0)
    assert (mean - 0.5).abs().max() < (logits.sigmoid() - 0.5).abs().max()


@pytest.mark.parametrize("logit", [-50.0, -2.0, -1e-2, 0.0, 5e-4, 2e-3, 1.0, 30.0])
def test_samples_follow_the_distribution(logit: float) -> None:
    torch.manual_seed(0)
    distribution = ContinuousBernoulli(torch.full((2,), logit))
    sample = distribution.sample((20_000,))
    assert sample.shape == (20_000, 2)
    assert ((sample >= 0) & (sample <= 1)).all()
    error = sample.std().item() / math.sqrt(40_000)
    assert sample.mean().item() == pytest.approx(distribution.mean[0].item(), abs=4 * error)
