"""Stitching: what a linear map between latents must and must not recover."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from tutorial_vae import VAE, fit, load_images, stitch


@pytest.fixture(scope="module")
def unseen():
    return load_images("digits", "test", size=16)


@pytest.fixture(scope="module")
def trained():
    digits = load_images("digits", size=16)
    models = []
    for seed in range(2):
        torch.manual_seed(seed)
        model = VAE(digits.image_shape, 8, architecture="mlp")
        fit(model, digits, steps=300, lr=2e-3, seed=seed, progress=False)
        models.append(model)
    return models


def linear_map_of(model, matrix, shift):
    """The same model with its latents mapped by z -> matrix z + shift, its decoder undoing it."""
    other = VAE(model.image_shape, model.latent_dim, architecture="mlp")
    other.load_state_dict(model.state_dict())
    with torch.no_grad():
        other.encoder.mean.weight.copy_(matrix @ model.encoder.mean.weight)
        other.encoder.mean.bias.copy_(matrix @ model.encoder.mean.bias + shift)
        first = other.decoder.dense1[0]
        inverse = torch.linalg.inv(matrix)
        first.bias.sub_(first.weight @ inverse @ shift)
        first.weight.copy_(first.weight @ inverse)
    return other


def test_latents_that_differ_by_a_linear_map_lose_nothing(trained, unseen):
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(8, 8, generator=generator)
    other = linear_map_of(trained[0], matrix, torch.randn(8, generator=generator))
    x = unseen.images[:5] / 255
    torch.testing.assert_close(other.reconstruct(x), trained[0].reconstruct(x))
    for pair in ((trained[0], other), (other, trained[0]), (trained[0], trained[0])):
        assert stitch(*pair, unseen).share == pytest.approx(1, abs=0.01)


def test_an_encoder_that_sees_nothing_keeps_nothing(trained, unseen):
    blind = linear_map_of(trained[0], torch.eye(8), torch.zeros(8))
    with torch.no_grad():
        blind.encoder.mean.weight.zero_()
        blind.encoder.mean.bias.zero_()
    result = stitch(blind, trained[0], unseen)
    # The mean code is all that is left, and it is no better drawn than the mean image.
    assert result.share < 0.05
    assert result.mean_image_error == pytest.approx(
        np.square(unseen.images.numpy() / 255 - (unseen.images.numpy() / 255).mean(axis=0)).mean(),
        rel=1e-4,
    )


def test_another_seed_keeps_most_and_an_untrained_encoder_less(trained, unseen):
    result = stitch(trained[1], trained[0], unseen)
    assert result.share > 0.7
    assert result.baselines["untrained"] < result.share
    assert set(result.baselines) == {"untrained", "pca"}


def test_pca_is_fitted_to_the_images_it_is_given(trained, unseen):
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(300, 1, 16, 16, generator=generator)
    own, same, foreign = (
        stitch(*trained, unseen, pca_images=images).baselines for images in (None, unseen, noise)
    )
    assert own == same
    # Components of noise are random directions.
    assert foreign["pca"] < own["pca"] - 0.2
    assert foreign["untrained"] == own["untrained"]
    with pytest.raises(ValueError, match="the model was made for"):
        stitch(*trained, unseen, pca_images=torch.zeros(9, 1, 4, 4))


def test_the_share_follows_from_the_errors(trained, unseen):
    result = stitch(trained[1], trained[0], unseen)
    own = (trained[0].reconstruct(unseen.images / 255) - unseen.images / 255).square().mean()
    assert result.reference_error == pytest.approx(own.item(), rel=1e-4)
    gain = result.mean_image_error - result.reference_error
    assert result.share == pytest.approx((result.mean_image_error - result.error) / gain)
    assert result.n == len(unseen)


def test_principal_components_feed_a_linear_model_without_loss(unseen):
    x = unseen.images.flatten(1).double().numpy() / 255
    pca = PCA(4).fit(x)
    model = VAE(unseen.image_shape, 4, architecture="linear", likelihood="gaussian")
    with torch.no_grad():
        model.encoder.mean.weight.copy_(torch.from_numpy(pca.components_))
        model.encoder.mean.bias.copy_(-torch.from_numpy(pca.components_ @ pca.mean_))
        model.decoder.pixels.weight.copy_(torch.from_numpy(pca.components_.T))
        model.decoder.pixels.bias.copy_(torch.from_numpy(pca.mean_))
    result = stitch(model, model, unseen)
    assert result.share == pytest.approx(1, abs=0.01)
    assert result.baselines["pca"] == pytest.approx(1, abs=0.01)


def test_nothing_is_left_changed(trained, unseen):
    before = torch.get_rng_state()
    weights = [p.clone() for p in trained[0].parameters()]
    trained[0].train()
    first, second = (stitch(trained[1], trained[0], unseen).share for _ in range(2))
    assert first == second
    assert trained[0].training
    assert torch.equal(before, torch.get_rng_state())
    for old, new in zip(weights, trained[0].parameters(), strict=True):
        assert torch.equal(old, new)


def test_what_cannot_be_stitched_is_named(trained, unseen):
    with pytest.raises(ValueError, match=r"decoder_from reads images of shape \(1, 32, 32\)"):
        stitch(trained[0], VAE((1, 32, 32)), unseen)
    with pytest.raises(ValueError, match="at least 20 images, not 19"):
        stitch(*trained, unseen[:19])
    with pytest.raises(ValueError, match="no gain to share"):
        stitch(trained[0], trained[1], unseen, reference=VAE((1, 16, 16), 8, architecture="mlp"))
