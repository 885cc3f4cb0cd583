"""The ELBO and its parts, against closed forms, torch.distributions and probabilistic PCA."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from test_training import OBJECTIVES
from torch import nn
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


def _rotation() -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))[0]


def test_rotated_decoder_leaves_the_mean_field_gap() -> None:
    model, x, gap = _probabilistic_pca(_rotation())
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


def test_terms_of_each_latent_dimension_sum_to_the_kl() -> None:
    mean = torch.tensor([[1.0, 0.0], [0.0, -2.0]], dtype=torch.float64)
    log_var = torch.tensor([[0.0, 1.0], [0.0, 0.0]], dtype=torch.float64)
    terms = tv.gaussian_kl_per_dimension(mean, log_var)
    expected = torch.tensor([[0.5, 0.5 * (math.e - 2)], [0.0, 2.0]], dtype=torch.float64)
    torch.testing.assert_close(terms, expected)
    torch.testing.assert_close(terms.sum(dim=1), tv.gaussian_kl(mean, log_var))


@pytest.mark.parametrize("samples", [1, 7])
def test_exact_posterior_makes_every_importance_weight_the_likelihood(samples: int) -> None:
    model, x, _ = _probabilistic_pca(torch.eye(3, dtype=torch.float64))
    with torch.no_grad():
        bound = tv.IWAE(samples)(model, x).elbo
    # No Monte Carlo error at all: p(x|z) p(z) / q(z|x) is p(x) whatever z is.
    assert bound.mean().item() == pytest.approx(model.true_log_likelihood, abs=1e-8)


@torch.no_grad()
def test_importance_weighted_bound_climbs_from_the_elbo_to_the_log_likelihood() -> None:
    # A small turn: the more the posterior is off, the more draws the climb takes.
    rotation = torch.eye(3, dtype=torch.float64)
    rotation[:2, :2] = torch.tensor(
        [[math.cos(0.3), -math.sin(0.3)], [math.sin(0.3), math.cos(0.3)]]
    )
    model, x, gap = _probabilistic_pca(rotation)
    assert gap > 0.15
    torch.manual_seed(0)
    bounds = [
        torch.stack([tv.IWAE(k)(model, x).elbo.mean() for _ in range(repeats)]).mean().item()
        for k, repeats in [(1, 400), (2, 200), (8, 50), (1000, 1)]
    ]
    assert bounds[0] == pytest.approx(model.true_log_likelihood - gap, abs=0.01)
    assert bounds == sorted(bounds)
    assert bounds[-1] == pytest.approx(model.true_log_likelihood, abs=0.01)


@torch.no_grad()
def test_one_importance_sample_is_the_elbo_with_its_kl_sampled() -> None:
    torch.manual_seed(0)
    model = tv.VAE((1, 16, 16), 3, architecture="mlp")
    x = torch.rand(5, 1, 16, 16)
    torch.manual_seed(1)
    result = tv.IWAE(1)(model, x)
    torch.manual_seed(1)
    posterior = model.encode(x)
    z = posterior.rsample()
    log_likelihood = model.decode(z).log_prob(x)
    sampled_kl = (posterior.log_prob(z) - Normal(0.0, 1.0).log_prob(z)).sum(dim=1)
    torch.testing.assert_close(result.elbo, log_likelihood - sampled_kl)
    torch.testing.assert_close(result.log_likelihood, log_likelihood)
    torch.testing.assert_close(result.kl, kl_divergence(posterior, Normal(0.0, 1.0)).sum(dim=1))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_reports_the_same_parts_and_names_its_settings(name: str) -> None:
    torch.manual_seed(0)
    model = tv.VAE((1, 16, 16), 2, architecture="mlp")
    x = torch.rand(6, 1, 16, 16)
    objective = OBJECTIVES[name]()
    result = objective(model, x)
    assert result.elbo.shape == result.log_likelihood.shape == result.kl.shape == (6,)
    assert result.elbo.isfinite().all()
    posterior = model.encode(x)
    torch.testing.assert_close(result.kl, kl_divergence(posterior, Normal(0.0, 1.0)).sum(dim=1))
    # An untrained decoder says about ½ for each pixel: ln 2 nats a pixel, summed.
    assert result.log_likelihood.mean().item() == pytest.approx(-256 * math.log(2), rel=0.02)
    for attribute, value in vars(objective).items():
        if not attribute.startswith("_") and attribute != "training":
            assert f"{attribute}={value}" in repr(objective)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_trains_every_weight_of_the_model(name: str) -> None:
    torch.manual_seed(0)
    model = tv.VAE((1, 16, 16), 2)
    objective = OBJECTIVES[name]()
    (-objective(model, torch.rand(8, 1, 16, 16)).elbo.mean()).backward()
    for part in (model, objective):
        for weight, parameter in part.named_parameters():
            assert parameter.grad is not None, weight
            assert parameter.grad.abs().sum() > 0, weight


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: tv.AnnealedCapacity(-1.0, 10), "capacity"),
        (lambda: tv.AnnealedCapacity(1.0, 0), "steps"),
        (lambda: tv.AnnealedCapacity(1.0, 10, gamma=math.inf), "gamma"),
        (lambda: tv.FreeBits(-0.1), "free_nats"),
        (lambda: tv.FreeBits(math.nan), "free_nats"),
        (lambda: tv.BetaTCVAE(-1.0, images=10), "beta"),
        (lambda: tv.BetaTCVAE(1.0, images=0), "images"),
        (lambda: tv.BetaTCVAE(1.0, images=10, estimator="exact"), "estimator"),
        (lambda: tv.DIPVAE("III", off_diagonal=1.0, diagonal=1.0), "variant"),
        (lambda: tv.DIPVAE("I", off_diagonal=-1.0, diagonal=1.0), "off_diagonal"),
        (lambda: tv.DIPVAE("I", off_diagonal=1.0, diagonal=math.nan), "diagonal"),
        (lambda: tv.FactorVAE(0, gamma=1.0), "latent_dim"),
        (lambda: tv.FactorVAE(2, gamma=-1.0), "gamma"),
        (lambda: tv.FactorVAE(2, gamma=1.0, hidden=0), "hidden"),
        (lambda: tv.IWAE(0), "samples"),
        (lambda: tv.IWAE(True), "samples"),
    ],
)
def test_objectives_name_bad_settings(make: Callable[[], nn.Module], name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be"):
        make()


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (tv.BetaTCVAE(2.0, images=1), "images must count the whole training set"),
        (tv.FactorVAE(3, gamma=1.0, hidden=4), "latent_dim is 3, but the model has 2"),
    ],
)
def test_objectives_that_do_not_suit_the_run_say_so(objective: nn.Module, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        objective(tv.VAE((1, 16, 16), 2), torch.rand(4, 1, 16, 16))


@pytest.mark.parametrize("name", ["BetaTCVAE-stratified", "DIPVAE-I", "FactorVAE"])
def test_objectives_over_a_batch_refuse_a_single_image(name: str) -> None:
    with pytest.raises(ValueError, match="at least 2"):
        OBJECTIVES[name]()(tv.VAE((1, 16, 16), 2), torch.rand(1, 1, 16, 16))
