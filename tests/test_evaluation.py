"""Bounds, codes and active units on held-out images, against values computed another way."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch.distributions import MultivariateNormal, Normal

import tutorial_vae as tv
from tutorial_vae.evaluation import active_units, encode_images, iwae_bound


def _probabilistic_pca(seed: int | None) -> tuple[tv.VAE, torch.Tensor, PCA]:
    """A linear VAE that is sklearn's probabilistic PCA, its latents turned by a random rotation.

    Without a rotation the posterior is exact; with one it is the best diagonal Gaussian.
    """
    random = np.random.default_rng(0)
    latent = random.normal(size=(300, 3)) * [2.0, 1.2, 0.7]
    x = latent @ random.normal(size=(3, 6)) + 0.8 * random.normal(size=(300, 6))
    pca = PCA(3).fit(x)
    variance = pca.noise_variance_
    rotation = torch.eye(3, dtype=torch.float64)
    if seed is not None:
        generator = torch.Generator().manual_seed(seed)
        rotation, _ = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))
    w = torch.as_tensor(pca.components_.T * np.sqrt(pca.explained_variance_ - variance)) @ rotation
    precision = w.T @ w + variance * torch.eye(3, dtype=torch.float64)
    to_mean = torch.linalg.solve(precision, w.T)
    centre = torch.as_tensor(pca.mean_)
    model = tv.VAE((1, 2, 3), 3, architecture="linear", likelihood="gaussian").double()
    with torch.no_grad():
        model.decoder.pixels.weight.copy_(w)
        model.decoder.pixels.bias.copy_(centre)
        model.log_scale.fill_(0.5 * math.log(variance))
        model.encoder.mean.weight.copy_(to_mean)
        model.encoder.mean.bias.copy_(-to_mean @ centre)
        model.encoder.log_var.weight.zero_()
        model.encoder.log_var.bias.copy_((variance / precision.diagonal()).log())
    return model, torch.as_tensor(x).reshape(-1, 1, 2, 3), pca


def _collapsed() -> tv.VAE:
    """A model whose posterior is the prior, whatever the image."""
    model = tv.VAE((1, 16, 16), 4, architecture="linear")
    with torch.no_grad():
        for head in (model.encoder.mean, model.encoder.log_var):
            head.weight.zero_()
            head.bias.zero_()
    return model


def test_evaluate_is_the_mean_elbo_with_its_standard_error() -> None:
    torch.manual_seed(0)
    model = tv.VAE((1, 16, 16), 3)
    images = torch.randint(0, 256, (70, 1, 16, 16), dtype=torch.uint8)
    result = tv.evaluate(model, images, batch_size=32, seed=4, device="cpu")
    torch.manual_seed(4)
    with torch.no_grad():
        parts = [tv.elbo(model, b.float() / 255) for b in images.split(32)]
    values = torch.cat([part.elbo for part in parts]).double()
    assert result.n == 70
    assert result.elbo == pytest.approx(values.mean().item(), abs=1e-6)
    assert result.standard_error == pytest.approx(values.std().item() / 70**0.5, abs=1e-6)
    assert result.elbo == pytest.approx(result.log_likelihood - result.kl, abs=1e-3)


def test_evaluate_repeats_itself_and_more_samples_change_little() -> None:
    torch.manual_seed(0)
    model = tv.VAE((1, 16, 16), 3)
    images = torch.randint(0, 256, (30, 1, 16, 16), dtype=torch.uint8)
    one = tv.evaluate(model, images, device="cpu")
    assert tv.evaluate(model, images, device="cpu") == one
    many = tv.evaluate(model, images, samples=20, device="cpu")
    assert many.kl == one.kl
    assert many.elbo == pytest.approx(one.elbo, abs=1.0)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"samples": 0}, "samples"),
        ({"batch_size": 0}, "batch_size"),
        ({"device": "abacus"}, "device"),
    ],
)
def test_bad_options_are_named(options: dict, name: str) -> None:
    images = torch.zeros(4, 1, 16, 16, dtype=torch.uint8)
    with pytest.raises(ValueError, match=name):
        tv.evaluate(tv.VAE((1, 16, 16), 2), images, **options)


def test_one_image_has_no_spread() -> None:
    with pytest.raises(ValueError, match="at least 2 images"):
        tv.evaluate(tv.VAE((1, 16, 16), 2), torch.zeros(1, 1, 16, 16, dtype=torch.uint8))


def test_images_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"images have the shape \(1, 8, 8\)"):
        tv.evaluate(tv.VAE((1, 16, 16), 2), torch.zeros(4, 1, 8, 8, dtype=torch.uint8))


@pytest.mark.parametrize("samples", [1, 7])
def test_iwae_bound_is_the_log_likelihood_when_the_posterior_is_exact(samples: int) -> None:
    model, x, pca = _probabilistic_pca(None)
    bound = iwae_bound(model, x, samples)
    reference = MultivariateNormal(
        torch.as_tensor(pca.mean_), torch.as_tensor(pca.get_covariance())
    ).log_prob(x.flatten(1))
    # All weights are the same, so nothing depends on the draws: equality image by image.
    torch.testing.assert_close(bound, reference, rtol=0, atol=1e-9)
    assert bound.mean().item() == pytest.approx(pca.score(x.flatten(1).numpy()), abs=1e-9)


@pytest.mark.slow
def test_iwae_bound_climbs_from_the_elbo_to_the_log_likelihood() -> None:
    model, x, pca = _probabilistic_pca(2)
    truth = pca.score(x.flatten(1).numpy())
    repeated = x.repeat(20, 1, 1, 1)
    bounds = [iwae_bound(model, repeated, k).mean().item() for k in (1, 3, 10)]
    torch.manual_seed(0)
    with torch.no_grad():
        elbo = tv.elbo(model, x, samples=200).elbo.mean().item()
    assert bounds[0] == pytest.approx(elbo, abs=0.05)
    assert elbo < truth - 0.2
    assert bounds[0] < bounds[1] < bounds[2] < truth
    assert iwae_bound(model, x, 5000).mean().item() == pytest.approx(truth, abs=0.01)


def test_iwae_bound_is_the_log_of_the_mean_weight() -> None:
    torch.manual_seed(0)
    model = tv.VAE((1, 16, 16), 2, architecture="mlp")
    x = torch.rand(3, 1, 16, 16)
    bound = iwae_bound(model, x, 4, batch_size=6, seed=9)
    torch.manual_seed(9)
    with torch.no_grad():
        expected = []
        for image in x.split(1):  # four draws of one image fit into a pass, of two they do not
            posterior = model.encode(image)
            z = posterior.sample((4,)).squeeze(1)
            ratio = Normal(0.0, 1.0).log_prob(z) - posterior.log_prob(z)
            weights = model.decode(z).log_prob(image) + ratio.sum(dim=1)
            expected.append(weights.double().exp().mean().log())
    torch.testing.assert_close(bound.double(), torch.stack(expected), rtol=0, atol=1e-3)
    assert torch.equal(bound, iwae_bound(model, x, 4, batch_size=6, seed=9))


def test_iwae_bound_decodes_no_more_at_once_than_it_may() -> None:
    model = tv.VAE((1, 16, 16), 2, architecture="linear")
    sizes = []
    model.decoder.register_forward_hook(lambda _, inputs, __: sizes.append(len(inputs[0])))
    assert iwae_bound(model, torch.rand(5, 1, 16, 16), 13, batch_size=8).shape == (5,)
    assert sum(sizes) == 5 * 13
    assert max(sizes) <= 8
    sizes.clear()
    iwae_bound(model, torch.rand(20, 1, 16, 16), 3, batch_size=8)
    assert (sum(sizes), max(sizes)) == (60, 6)


@pytest.mark.parametrize(
    ("samples", "options", "name"), [(0, {}, "samples"), (2, {"batch_size": 0}, "batch_size")]
)
def test_iwae_bound_names_bad_options(samples: int, options: dict, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        iwae_bound(tv.VAE((1, 16, 16), 2), torch.rand(2, 1, 16, 16), samples, **options)


def test_iwae_bound_wants_images_as_the_model_reads_them() -> None:
    model = tv.VAE((1, 16, 16), 2)
    with pytest.raises(ValueError, match="at least 1 image"):
        iwae_bound(model, torch.rand(0, 1, 16, 16), 3)
    with pytest.raises(ValueError, match="x must have the shape"):
        iwae_bound(model, torch.rand(2, 1, 8, 8), 3)


def test_encode_images_gives_every_posterior_in_order() -> None:
    torch.manual_seed(0)
    model = tv.VAE((1, 16, 16), 3)
    images = torch.randint(0, 256, (11, 1, 16, 16), dtype=torch.uint8)
    codes = encode_images(model, images, batch_size=4, device="cpu")
    with torch.no_grad():
        posterior = model.encode(images / 255)
    torch.testing.assert_close(codes.mean, posterior.mean)
    torch.testing.assert_close(codes.stddev, posterior.stddev)
    assert not codes.mean.requires_grad


def test_model_and_random_state_are_left_as_they_were() -> None:
    model = tv.VAE((1, 16, 16), 3)
    model.train()
    model.encoder.eval()
    modes = [module.training for module in model.modules()]
    state = torch.get_rng_state()
    images = torch.randint(0, 256, (4, 1, 16, 16), dtype=torch.uint8)
    torch.set_rng_state(state)
    tv.evaluate(model, images)
    iwae_bound(model, images / 255, 2)
    encode_images(model, images)
    assert torch.equal(state, torch.get_rng_state())
    assert modes == [module.training for module in model.modules()]
    with pytest.raises(ValueError, match="x must have the shape"):
        iwae_bound(model, torch.rand(2, 1, 8, 8), 2)
    assert modes == [module.training for module in model.modules()]


def test_collapsed_model_has_no_active_units() -> None:
    images = torch.randint(0, 256, (50, 1, 16, 16), dtype=torch.uint8)
    assert active_units(_collapsed(), images).count == 0


def test_active_units_are_those_whose_mean_follows_the_image() -> None:
    model = _collapsed()
    with torch.no_grad():
        model.encoder.mean.weight[1, 0] = 1.0  # the first pixel itself
        model.encoder.mean.weight[2, 0] = 0.1  # a hundredth of its variance
    images = torch.randint(0, 256, (200, 1, 16, 16), dtype=torch.uint8)
    units = active_units(model, images)
    first = images[:, 0, 0, 0].double() / 255
    assert units.count == 1
    assert units.active.tolist() == [False, True, False, False]
    assert units.variances[1].item() == pytest.approx(first.var().item(), rel=1e-5)
    assert units.variances[2].item() == pytest.approx(first.var().item() / 100, rel=1e-5)
    assert active_units(model, images, 1e-5).count == 2
    assert active_units(model, images, 1.0).count == 0


@pytest.mark.parametrize(("count", "threshold", "name"), [(1, 0.01, "2 images"), (4, -1, "thresh")])
def test_active_units_name_bad_input(count: int, threshold: float, name: str) -> None:
    images = torch.zeros(count, 1, 16, 16, dtype=torch.uint8)
    with pytest.raises(ValueError, match=name):
        active_units(_collapsed(), images, float(threshold))


def test_importing_evaluation_does_not_import_scikit_learn() -> None:
    code = "import sys, tutorial_vae.evaluation; sys.exit('sklearn' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
