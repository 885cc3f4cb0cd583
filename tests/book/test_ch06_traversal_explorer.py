"""The traversal explorer: what travels in its state, and the same pictures in a real browser."""

import dataclasses

import numpy as np
import pytest
import torch

import tutorial_vae as tv
from tutorial_vae.evaluation import encode_images
from tutorial_vae.models import DenseDecoder
from tutorial_vae_book.ch06_latent_space.traversal_explorer import (
    TraversalExplorer,
    round_weights,
    with_rounded_decoder,
)

LATENTS = 4
CODES = [[0.0] * LATENTS, [1.3, -2.1, 0.4, 3.5], [-3.5, 3.5, -3.5, 3.5]]


def small_model(seed, *, spread=1.0, dead=()):
    """A model whose pictures are far from grey, with dimensions that its encoder ignores."""
    torch.manual_seed(seed)
    model = tv.VAE((1, 8, 8), LATENTS, architecture="mlp")
    model.decoder = DenseDecoder((1, 8, 8), LATENTS, 12)
    with torch.no_grad():
        for name in ("dense1.0.weight", "pixels.weight", "pixels.bias"):
            model.decoder.get_parameter(name).mul_(6)
        model.encoder.mean.weight.mul_(8 * spread)
        model.encoder.mean.weight[list(dead)] = 0
        model.encoder.mean.bias[list(dead)] = 0
        model.encoder.log_var.weight[list(dead)] = 0
        model.encoder.log_var.bias[list(dead)] = 0
    return model


@pytest.fixture(scope="module")
def images():
    return tv.load_images("digits", "test", size=8, limit=40)


@pytest.fixture(scope="module")
def models():
    return {4: small_model(1, dead=(0, 2)), 0.5: small_model(0), 8: small_model(2, spread=0.5)}


@pytest.fixture
def explorer(models, images):
    return TraversalExplorer(models, images, examples=3)


def test_rounding_keeps_the_ends_and_errs_by_half_a_step():
    weights = torch.randn(30, 7, generator=torch.Generator().manual_seed(0))
    rounded = round_weights(weights)
    error = abs(rounded.values - weights.double().numpy()).max()
    assert error <= rounded.step / 2 + 1e-9
    assert rounded.levels.min() == 0
    assert rounded.levels.max() == 255
    np.testing.assert_allclose(round_weights(torch.full((3,), 0.7)).values, 0.7, rtol=1e-6)


def test_the_picture_is_that_of_the_model_with_rounded_weights(explorer, models, images):
    for beta, model in models.items():
        rounded = with_rounded_decoder(model)
        mean, stddev = encode_images(model, images)
        kl = tv.gaussian_kl_per_dimension(mean, 2 * stddev.log()).mean(dim=0)
        order = kl.argsort(descending=True)
        explorer.beta = beta
        for code in CODES:
            explorer.code = code
            z = torch.zeros(1, LATENTS)
            z[0, order] = torch.tensor(code)
            with torch.no_grad():
                expected = 255 * rounded.decode(z).mean[0, 0].numpy()
                plain = 255 * model.decode(z).mean[0, 0].numpy()
            np.testing.assert_allclose(explorer.picture, expected, atol=0.01)
            assert abs(explorer.picture - plain).mean() < 4


def test_rounding_leaves_the_model_itself_alone(models):
    before = models[4].decoder.get_parameter("pixels.weight").clone()
    rounded = with_rounded_decoder(models[4]).decoder.get_parameter("pixels.weight")
    assert torch.equal(models[4].decoder.get_parameter("pixels.weight"), before)
    assert not torch.equal(rounded, before)


def test_dimensions_are_sorted_by_their_kl_and_models_by_beta(explorer):
    described = explorer.data["models"]
    assert [model["beta"] for model in described] == [0.5, 4, 8]
    for model in described:
        assert model["kl"] == sorted(model["kl"], reverse=True)
    assert described[1]["kl"][2:] == [0, 0]
    assert [code[2:] for code in described[1]["codes"]] == [[0, 0]] * 3


def test_it_begins_at_the_code_of_the_first_example(explorer):
    assert (explorer.beta, explorer.example) == (4, 0)
    assert explorer.code == explorer.data["models"][1]["codes"][0]


def test_what_cannot_be_shown_is_a_named_error(models, images):
    other = tv.VAE((1, 8, 8), LATENTS + 1, architecture="mlp")
    for given, options, message in (
        ({}, {}, "models is empty"),
        ({1: tv.VAE((1, 16, 16), 4)}, {}, r"models\[1\] must have architecture 'mlp'"),
        ({1: tv.VAE((3, 8, 8), 4, architecture="mlp")}, {}, "and 3"),
        ({1: models[4], 2: other}, {}, r"models\[2\] has images .* and 5 latents"),
        (models, {"examples": 41}, "examples must be from 1 to the number of images, 40"),
        (models, {"examples": 0}, "examples must"),
    ):
        with pytest.raises(ValueError, match=message):
            TraversalExplorer(given, images, **options)


def test_what_is_set_is_checked(explorer):
    with pytest.raises(ValueError, match=r"beta must be one of 0.5, 4.0, 8.0, got 2.0"):
        explorer.beta = 2
    for code in ([0.0], [0.0, 0.0, 0.0, 3.6], [0.0, 0.0, 0.0, float("nan")]):
        with pytest.raises(ValueError, match=r"code must hold 4 numbers from -3.5 to 3.5"):
            explorer.code = code
    with pytest.raises(ValueError, match="example must be from -1 to 2, got 3"):
        explorer.example = 3


def test_images_need_no_labels(models, images):
    bare = dataclasses.replace(images, labels=None, class_names=())
    assert TraversalExplorer(models, bare, examples=2).data["labels"] == ["", ""]


browser = pytest.mark.browser


def shown_picture(page, canvas=".tvae-picture"):
    levels = page.locator(canvas).evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    return np.array(levels).reshape(8, 8, 4)[..., 0]


def code_of(page):
    texts = page.locator(".tvae-dimension output").all_inner_texts()
    return [float(text.replace("\u2212", "-")) for text in texts]


def assert_shows(page, explorer):
    assert abs(shown_picture(page) - explorer.picture).max() <= 1


def choose_beta(page, step):
    page.get_by_label("weight of the KL in training, β", exact=True).fill(str(step))


@browser
def test_it_opens_on_the_first_example(opened, explorer, images, reading):
    assert code_of(opened) == explorer.code
    assert_shows(opened, explorer)
    np.testing.assert_array_equal(shown_picture(opened, ".tvae-original"), images.images[0, 0])
    alive = sum(nats >= 0.1 for nats in explorer.data["models"][1]["kl"])
    assert reading(opened).startswith(f"β = 4: {alive} of 4 dimensions alive")


@browser
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("step", [0, 1, 2])
def test_the_browser_decodes_what_python_decodes(opened, explorer, step, code):
    choose_beta(opened, step)
    for dimension, value in enumerate(code):
        opened.get_by_label(f"z{'₁₂₃₄'[dimension]}", exact=True).fill(str(value))
    explorer.beta = [0.5, 4, 8][step]
    explorer.code = code
    assert code_of(opened) == code
    assert_shows(opened, explorer)


@browser
def test_each_dimension_shows_its_nats_and_whether_it_is_collapsed(opened, explorer):
    texts = opened.locator(".tvae-nats").all_inner_texts()
    kl = explorer.data["models"][1]["kl"]
    assert texts == [f"{nats:.2f} nats{', collapsed' if nats < 0.1 else ''}" for nats in kl]
    assert "collapsed" in texts[-1]
    slider = opened.get_by_label("z₄", exact=True)
    assert slider.get_attribute("aria-valuetext") == "0.00; 0.00 nats, collapsed"


@browser
def test_buttons_go_to_the_mean_to_examples_and_to_draws(opened, explorer):
    opened.get_by_role("button", name="prior mean").click()
    assert code_of(opened) == [0] * LATENTS
    explorer.code = [0.0] * LATENTS
    assert_shows(opened, explorer)
    assert not opened.locator(".tvae-original").is_visible()
    opened.get_by_role("button", name="example 3").click()
    assert code_of(opened) == explorer.data["models"][1]["codes"][2]
    draws = []
    for _ in range(100):
        opened.get_by_role("button", name="draw from the prior").click()
        draws.append(code_of(opened))
    assert abs(np.mean(draws)) < 0.3
    assert abs(np.std(draws) - 1) < 0.2


@browser
def test_another_beta_keeps_the_example_and_a_bare_code_stays(opened, explorer):
    opened.get_by_role("button", name="example 2").click()
    choose_beta(opened, 0)
    assert code_of(opened) == explorer.data["models"][0]["codes"][1]
    opened.get_by_role("button", name="prior mean").click()
    opened.get_by_label("z₁", exact=True).fill("1.5")
    choose_beta(opened, 2)
    assert code_of(opened) == [1.5, 0, 0, 0]


@browser
def test_the_reading_and_the_strip_follow_the_dimension_that_moves(opened, explorer, reading):
    slider = opened.get_by_label("z₂", exact=True)
    slider.fill("2.0")
    explorer.code = [explorer.code[0], 2.0, *explorer.code[2:]]
    with_it = explorer.picture
    explorer.code = [explorer.code[0], 0.0, *explorer.code[2:]]
    change = abs(with_it - explorer.picture).mean()
    assert f"z₂ at 2.00 instead of 0 changes a pixel by {change:.1f} of 255" in reading(opened)
    frames = opened.locator(".tvae-frame")
    assert frames.count() == 7
    assert frames.nth(3).get_attribute("aria-label") == "Picture with z₂ at 0"
    middle = shown_picture(opened, ".tvae-strip div:nth-child(4) canvas")
    assert abs(middle - explorer.picture).max() <= 1
    slider.press("ArrowRight")
    assert code_of(opened)[1] == 2.1
