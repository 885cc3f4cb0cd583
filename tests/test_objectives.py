"""The ELBO and its parts, against closed forms, torch.distributions and probabilistic PCA."""

import math

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch.distributions import Normal, kl_divergence

import tutorial_vae as tv


@pytest.mark.parametrize(
    ("mean", "log_var", "expected"),
    [
        (1.0, 0.0, 5.0),
        (0.0, 1.0, 5 * (math.e - 2)),
        (1.0, 1.0, 5 * (math.e - 1)),
        (0.0, 0.0, 0.0),
    ],
)
def test_gaussian_kl_by_hand(mean: float, log_var: float, expected: float) -> None:
    means = torch.full((3, 10), mean, dtype=torch.float64)
    kl = tv.gaussian_kl(means, torch.full_like(means, log_var))
    torch.testing.assert_close(kl, torch.full((3,), expected, dtype=torch.float64))


def test_gaussian_kl_agrees_with_torch_distributions() -> None:
    generator = torch.Generator().manual_seed(1)
    mean = torch.randn(50, 7, generator=generator, dtype=torch.float64)
    log_var = torch.randn(50, 7, generator=generator, dtype=torch.float64)
    reference = kl_divergence(Normal(mean, (0.5 * log_var).exp()), Normal(0.0, 1.0)).sum(dim=1)
    torch.testing.assert_close(tv.gaussian_kl(mean, log_var), reference)
    assert (tv.gaussian_kl(mean, log_var) > 0).all()


def test_gaussian_kl_rejects_unequal_shapes() -> None:
    # A shape that the annotations would let through, were they checked: the function checks too.
    with pytest.raises(Exception, match=r"mean|log_var"):
        tv.gaussian_kl(torch.zeros(3, 2), torch.zeros(3, 4))


def _probabilistic_pca(rotation: torch.Tensor) -> tuple[tv.VAE, torch.Tensor, float]:
    """A linear VAE whose decoder is sklearn's probabilistic PCA, turned by ``rotation``."""
    random = np.random.default_rng(0)
    latent = random.normal(size=(400, 3)) * [2.0, 1.2, 0.7]
    x = latent @ random.normal(size=(3, 6)) + 0.3 * random.normal(size=(400, 6))
    pca = PCA(n_components=3).fit(x)
    variance = pca.noise_variance_
    loadings = pca.components_.T * np.sqrt(pca.explained_variance_ - variance)  # (6, 3)
    w = torch.as_tensor(loadings) @ rotation
    model = tv.VAE((1, 2, 3), 3, architecture="linear", likelihood="gaussian").double()
    # The posterior of z given x is N(M⁻¹ Wᵀ (x − μ), σ² M⁻¹) with M = WᵀW + σ² I.
    precision = w.T @ w + variance * torch.eye(3, dtype=torch.float64)
    to_mean = torch.linalg.solve(precision, w.T)
    centre = torch.as_tensor(pca.mean_)
    # The best diagonal Gaussian has the inverse of the precision's diagonal as its variances.
    best_variance = variance / precision.diagonal()
    with torch.no_grad():
        model.decoder.pixels.weight.copy_(w)
        model.decoder.pixels.bias.copy_(centre)
        model.log_scale.fill_(0.5 * math.log(variance))
        model.encoder.mean.weight.copy_(to_mean)
        model.encoder.mean.bias.copy_(-to_mean @ centre)
        model.encoder.log_var.weight.zero_()
        model.encoder.log_var.bias.copy_(best_variance.log())
    gap = 0.5 * (precision.diagonal().log().sum() - torch.logdet(precision))
    assert abs(pca.score(x) - PCA(n_components=3).fit(x).score(x)) < 1e-12
    model.true_log_likelihood = float(pca.score(x))
    return model, torch.as_tensor(x).reshape(-1, 1, 2, 3), float(gap)


def _exact_elbo(model: tv.VAE, x: torch.Tensor) -> float:
    """The ELBO with its expectation in closed form, possible because everything is linear."""
    with torch.no_grad():
        posterior = model.encode(x)
        w, variance = model.decoder.pixels.weight, model.log_scale.exp() ** 2
        spread = ((w**2) @ posterior.variance.T).sum(dim=0) / (2 * variance)
        log_likelihood = model.decode(posterior.mean).log_prob(x) - spread
        kl = tv.gaussian_kl(posterior.mean, posterior.variance.log())
    return float((log_likelihood - kl).mean())


def test_exact_posterior_makes_the_elbo_the_log_likelihood() -> None:
    model, x, gap = _probabilistic_pca(torch.eye(3, dtype=torch.float64))
    assert abs(gap) < 1e-10
    assert _exact_elbo(model, x) == pytest.approx(model.true_log_likelihood, abs=1e-5)


def test_rotated_decoder_leaves_the_mean_field_gap() -> None:
    rotation, _ = torch.linalg.qr(
        torch.randn(3, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    )
    model, x, gap = _probabilistic_pca(rotation)
    assert gap > 0.01
    assert _exact_elbo(model, x) == pytest.approx(model.true_log_likelihood - gap, abs=1e-5)


def test_elbo_by_sampling_agrees_with_the_closed_form() -> None:
    model, x, _ = _probabilistic_pca(torch.eye(3, dtype=torch.float64))
    torch.manual_seed(0)
    with torch.no_grad():
        sampled = tv.elbo(model, x, samples=400).elbo
    # 400 images × 400 draws: the mean's Monte Carlo error is below 0.01 nats.
    assert sampled.mean().item() == pytest.approx(_exact_elbo(model, x), abs=0.03)


def test_elbo_parts_add_up_and_sum_over_pixels() -> None:
    torch.manual_seed(0)
    model = tv.VAE((1, 16, 16), 2, architecture="mlp")
    x = torch.rand(5, 1, 16, 16)
    result = tv.elbo(model, x, beta=3.0)
    assert result.elbo.shape == result.log_likelihood.shape == result.kl.shape == (5,)
    torch.testing.assert_close(result.elbo, result.log_likelihood - 3.0 * result.kl)
    # An untrained decoder says about ½ for each pixel: ln 2 nats a pixel, summed.
    assert result.log_likelihood.mean().item() == pytest.approx(-256 * math.log(2), rel=0.02)


def test_gradients_reach_both_networks() -> None:
    torch.manual_seed(0)
    model = tv.VAE((1, 16, 16), 2)
    (-tv.elbo(model, torch.rand(4, 1, 16, 16)).elbo.mean()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize(
    ("options", "name"),
    [({"beta": -1.0}, "beta"), ({"beta": math.nan}, "beta"), ({"samples": 0}, "samples")],
)
def test_elbo_names_bad_options(options: dict[str, float], name: str) -> None:
    model = tv.VAE((1, 16, 16), 2)
    with pytest.raises(ValueError, match=name):
        tv.elbo(model, torch.rand(2, 1, 16, 16), **options)


def test_beta_vae_weights_the_kl() -> None:
    torch.manual_seed(0)
    model = tv.VAE((1, 16, 16), 2)
    result = tv.BetaVAE(4.0)(model, torch.rand(3, 1, 16, 16))
    torch.testing.assert_close(result.elbo, result.log_likelihood - 4.0 * result.kl)
    with pytest.raises(ValueError, match="beta"):
        tv.BetaVAE(-1.0)
