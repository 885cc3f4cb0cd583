"""Reconstruction, rate and distortion, against closed forms of linear models."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.decomposition import PCA

import tutorial_vae as tv
from tutorial_vae.evaluation import (
    RateDistortion,
    bits_per_pixel,
    pca_rate_distortion,
    rate_distortion,
    reconstruction_error,
)


def _images(n: int, seed: int = 0) -> torch.Tensor:
    """Grey images on a plane of 3 dimensions, with a little noise."""
    random = np.random.default_rng(seed)
    basis = np.random.default_rng(99).normal(size=(3, 16))
    pixels = 128 + random.normal(size=(n, 3)) * [12, 8, 4] @ basis + random.normal(size=(n, 16))
    return torch.as_tensor(pixels.clip(0, 255).round(), dtype=torch.uint8).reshape(n, 1, 4, 4)


def _rows(images: torch.Tensor) -> np.ndarray:
    return images.flatten(1).double().numpy() / 255


def test_bits_per_pixel() -> None:
    # One bit for each of 3 × 4 × 5 values is 60 ln 2 nats.
    assert bits_per_pixel(60 * math.log(2), (3, 4, 5)) == pytest.approx(1)
    assert bits_per_pixel(0.0, (1, 2, 2), levels=256) == 8
    uniform = torch.distributions.Uniform(0.0, 1.0)
    density = uniform.log_prob(torch.full((4,), 0.3)).sum().item()
    assert bits_per_pixel(-density, (1, 2, 2), levels=256) == 8
    with pytest.raises(ValueError, match="image_shape"):
        bits_per_pixel(1.0, (0, 2, 2))
    with pytest.raises(ValueError, match="levels"):
        bits_per_pixel(1.0, (1, 2, 2), levels=0)


def test_reconstruction_error_beside_pca() -> None:
    train, test = _images(200), _images(50, seed=1)
    torch.manual_seed(0)
    model = tv.VAE((1, 4, 4), 2, architecture="mlp")
    result = reconstruction_error(model, test, train=train, batch_size=16)
    x = test / 255
    assert result.model == pytest.approx(
        (model.reconstruct(x) - x).square().mean().item(), rel=1e-5
    )
    pca = PCA(2).fit(_rows(train))
    rows = _rows(test)
    expected = np.square(pca.inverse_transform(pca.transform(rows)) - rows).mean()
    assert result.pca == pytest.approx(expected, rel=1e-4)
    own = reconstruction_error(model, test)
    assert own.model == pytest.approx(result.model, rel=1e-6)
    assert own.pca < result.pca


def test_linear_model_that_is_pca_reconstructs_as_pca_does() -> None:
    train, test = _images(200), _images(50, seed=1)
    pca = PCA(3).fit(_rows(train))
    model = tv.VAE((1, 4, 4), 3, architecture="linear", likelihood="gaussian")
    components, mean = (torch.as_tensor(a).float() for a in (pca.components_, pca.mean_))
    with torch.no_grad():
        model.encoder.mean.weight.copy_(components)
        model.encoder.mean.bias.copy_(-components @ mean)
        model.decoder.pixels.weight.copy_(components.T)
        model.decoder.pixels.bias.copy_(mean)
    result = reconstruction_error(model, test, train=train)
    assert result.model == pytest.approx(result.pca, rel=1e-4)


def test_pca_takes_all_components_when_there_are_more_latents() -> None:
    model = tv.VAE((1, 4, 4), 40, architecture="linear")
    assert reconstruction_error(model, _images(60)).pca == pytest.approx(0, abs=1e-9)


def _linear_code(pca: PCA, theta: float) -> tv.VAE:
    """The linear VAE of one point of PCA's curve: Gaussian noise of variance θ, exact posterior."""
    share = np.minimum(theta / pca.explained_variance_, 1)
    scale = np.sqrt(np.maximum(pca.explained_variance_ - theta, 0))
    into = (np.divide(1 - share, scale, out=np.zeros_like(scale), where=scale > 0))[:, None]
    model = tv.VAE((1, 4, 4), len(share), architecture="linear", likelihood="gaussian")
    encoder = torch.as_tensor(into * pca.components_).float()
    with torch.no_grad():
        model.encoder.mean.weight.copy_(encoder)
        model.encoder.mean.bias.copy_(-encoder @ torch.as_tensor(pca.mean_).float())
        model.encoder.log_var.weight.zero_()
        model.encoder.log_var.bias.copy_(torch.as_tensor(np.log(share)))
        model.decoder.pixels.weight.copy_(torch.as_tensor(pca.components_.T * scale))
        model.decoder.pixels.bias.copy_(torch.as_tensor(pca.mean_))
        model.log_scale.fill_(0.5 * math.log(theta))
    return model


def test_curve_of_pca_is_that_of_the_linear_models_it_stands_for() -> None:
    train, test = _images(300), _images(4000, seed=1)
    curve = pca_rate_distortion(train, test, 3, points=5)
    pca = PCA(3).fit(_rows(train))
    thetas = np.geomspace(pca.explained_variance_[0], pca.explained_variance_[-1] / 100, 5)
    measured = rate_distortion([_linear_code(pca, theta) for theta in thetas], test)
    for closed, sampled in zip(curve, measured, strict=True):
        assert sampled.rate == pytest.approx(closed.rate, rel=1e-4, abs=1e-4)
        assert sampled.distortion == pytest.approx(closed.distortion, rel=0.01, abs=0.2)
        assert sampled.mean_squared_error == pytest.approx(closed.mean_squared_error, rel=0.02)


def test_rate_and_distortion_of_pca_add_up_to_a_log_likelihood() -> None:
    train, test = _images(300), _images(100, seed=1)
    pca = PCA(3).fit(_rows(train))
    thetas = np.geomspace(pca.explained_variance_[0], pca.explained_variance_[-1] / 100, 4)
    for theta, point in zip(thetas, pca_rate_distortion(train, test, 3, points=4), strict=True):
        excess = np.maximum(pca.explained_variance_ - theta, 0)
        covariance = pca.components_.T * excess @ pca.components_ + theta * np.eye(16)
        truth = multivariate_normal(pca.mean_, covariance).logpdf(_rows(test)).mean()
        assert -(point.rate + point.distortion) == pytest.approx(truth, rel=1e-6)


def test_curve_of_pca_falls_from_rate_zero_to_the_error_of_pca() -> None:
    train = _images(300)
    curve = pca_rate_distortion(train, train, 3)
    rates = [point.rate for point in curve]
    errors = [point.mean_squared_error for point in curve]
    assert len(curve) == 20
    assert rates[0] == 0
    assert rates == sorted(rates)
    assert errors == sorted(errors, reverse=True)
    assert errors[0] == pytest.approx(_rows(train).var(axis=0).mean(), rel=1e-6)
    model = tv.VAE((1, 4, 4), 3, architecture="linear")
    # On the set that PCA was fitted to, each component sent takes ½ log(λ/θ).
    variance = PCA(3).fit(_rows(train)).explained_variance_
    theta = variance[-1] / 100
    assert rates[-1] == pytest.approx(0.5 * np.log(variance / theta).sum(), rel=1e-2)
    least = reconstruction_error(model, train).pca
    assert errors[-1] == pytest.approx(least + 3 * theta / 16, rel=1e-3)


def test_rate_and_distortion_are_the_parts_of_the_elbo() -> None:
    torch.manual_seed(0)
    models = [tv.VAE((1, 4, 4), 2, architecture=kind) for kind in ("mlp", "linear")]
    images = _images(40)
    state = torch.get_rng_state()
    points = rate_distortion(models, images, batch_size=16)
    assert torch.equal(state, torch.get_rng_state())
    for model, point in zip(models, points, strict=True):
        assert isinstance(point, RateDistortion)
        result = tv.evaluate(model, images, batch_size=16)
        assert point.rate == pytest.approx(result.kl, rel=1e-6)
        assert point.distortion == pytest.approx(-result.log_likelihood, rel=1e-6)
        assert point.rate_bits_per_pixel == pytest.approx(point.rate / math.log(2) / 16)
        assert model.training
    assert rate_distortion([], images) == ()


def test_collapsed_model_has_rate_zero() -> None:
    model = tv.VAE((1, 4, 4), 2, architecture="linear")
    with torch.no_grad():
        for parameter in model.encoder.parameters():
            parameter.zero_()
    assert rate_distortion([model], _images(9))[0].rate == 0


def test_bad_input_is_named() -> None:
    images = _images(9)
    with pytest.raises(ValueError, match="points"):
        pca_rate_distortion(images, images, 2, points=0)
    with pytest.raises(ValueError, match="latent_dim"):
        pca_rate_distortion(images, images, 0)
    with pytest.raises(ValueError, match="all of them are the same"):
        pca_rate_distortion(torch.zeros_like(images), images, 2)
    with pytest.raises(ValueError, match="train has images of"):
        pca_rate_distortion(images[:, :, :2], images, 2)
    model = tv.VAE((1, 4, 4), 2, architecture="linear")
    with pytest.raises(ValueError, match="batch_size"):
        rate_distortion([model], images, batch_size=0)
    with pytest.raises(ValueError, match="at least 2 images"):
        reconstruction_error(model, images[:1])
    with pytest.raises(ValueError, match="made for"):
        reconstruction_error(model, images, train=images[:, :, :2])
