"""The gradient explorer: its clouds and their exact widths, in Python and in a real browser."""

import re

import numpy as np
import pytest

from tutorial_vae_book.ch04_reparameterisation.gradient_explorer import (
    ESTIMATORS,
    GradientExplorer,
    seeded_noise,
)


def test_the_noise_is_standard_normal_and_depends_on_nothing_but_the_seed():
    noise = seeded_noise(100_000, seed=0)
    assert abs(noise.mean()) < 5 / len(noise) ** 0.5
    assert noise.var() == pytest.approx(1, abs=5 * (2 / len(noise)) ** 0.5)
    assert (noise**4).mean() == pytest.approx(3, abs=5 * (96 / len(noise)) ** 0.5)
    assert abs((noise[1:] * noise[:-1]).mean()) < 5 / len(noise) ** 0.5
    np.testing.assert_array_equal(seeded_noise(10, seed=0), noise[:10])
    assert not np.allclose(seeded_noise(10, seed=1), noise[:10])


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_the_noise_is_that_of_mulberry32_written_out_with_whole_numbers(seed):
    def uniform(state):
        state = (seed + state * 0x6D2B79F5) % 2**32
        mixed = (state ^ state >> 15) * (state | 1) % 2**32
        mixed ^= (mixed + (mixed ^ mixed >> 7) * (mixed | 61)) % 2**32
        return ((mixed ^ mixed >> 14) + 0.5) / 2**32

    radius = (-2 * np.log(uniform(1))) ** 0.5
    expected = [radius * np.cos(2 * np.pi * uniform(2)), radius * np.sin(2 * np.pi * uniform(2))]
    np.testing.assert_allclose(seeded_noise(2, seed=seed), expected)


@pytest.mark.parametrize("dimension", [1, 5, 32])
@pytest.mark.parametrize("sigma", [0.1, 0.5, 2.0])
@pytest.mark.parametrize("distance", [1.0, 0.5])
def test_the_exact_deviations_are_those_of_many_draws(dimension, sigma, distance):
    explorer = GradientExplorer(distance=distance)
    explorer.set_trait("sigma", sigma)
    explorer.set_trait("dimension", dimension)
    noise = np.random.default_rng(0).standard_normal((200_000, dimension))
    away = distance - sigma * noise
    value, score = -0.5 * np.square(away).sum(axis=1), noise[:, 0] / sigma
    baseline = -0.5 * dimension * (distance**2 + sigma**2)
    estimates = (value * score, (value - baseline) * score, away[:, 0])
    for name, each in zip(ESTIMATORS, estimates, strict=True):
        assert explorer.standard_deviations()[name] == pytest.approx(each.std(), rel=0.03)
        assert each.mean() == pytest.approx(distance, abs=5 * each.std() / len(each) ** 0.5)


def test_each_cloud_lies_around_the_truth_as_widely_as_theory_says():
    explorer = GradientExplorer()
    for draws in (1, 16, 64):
        explorer.draws = draws
        exact = explorer.standard_deviations()
        for name, cloud in explorer.estimates().items():
            assert cloud.shape == (200,)
            assert abs(cloud.mean() - 1) < 4 * exact[name] / len(cloud) ** 0.5
            assert cloud.std() == pytest.approx(exact[name], rel=0.3)


def test_four_times_the_draws_halve_the_width():
    explorer = GradientExplorer()
    single = explorer.standard_deviations()
    explorer.draws = 4
    for name, width in explorer.standard_deviations().items():
        assert width == pytest.approx(single[name] / 2)


@pytest.mark.parametrize(
    ("name", "value"), [("sigma", 0.6), ("draws", 3), ("dimension", 0), ("reach", 7)]
)
def test_a_choice_that_no_slider_has_is_a_named_error(name, value):
    with pytest.raises(ValueError, match=f"{name} must be one of .*, got {value}"):
        setattr(GradientExplorer(), name, value)


@pytest.mark.parametrize("distance", [0.0, -1.0, float("inf"), float("nan")])
def test_a_distance_that_makes_no_sense_is_a_named_error(distance):
    with pytest.raises(ValueError, match="distance must be a positive number"):
        GradientExplorer(distance=distance)


@pytest.fixture
def opened(open_explorer):
    return open_explorer(GradientExplorer())


def three_digits(value):
    decimals = int(np.clip(2 - np.floor(np.log10(abs(value))), 0, 3))
    return f"{value:.{decimals}f}".replace("-", "\N{MINUS SIGN}")


def choose(page, explorer, **choice):
    titles = {
        "sigma": "width σ of q",
        "draws": "draws per estimate",
        "dimension": "latent dimensions d",
    }
    for name, value in choice.items():
        setattr(explorer, name, value)
        at = explorer.data["choices"][name]["values"].index(value)
        page.get_by_label(titles[name], exact=True).fill(str(at))


@pytest.mark.browser
@pytest.mark.parametrize(
    "choice",
    [
        {},
        {"sigma": 0.05, "draws": 64, "dimension": 32},
        {"sigma": 2.0, "draws": 2, "dimension": 1},
        {"sigma": 0.14, "draws": 16, "dimension": 5},
    ],
)
def test_the_page_shows_the_numbers_of_python(opened, choice, reading):
    explorer = GradientExplorer()
    choose(opened, explorer, **choice)
    clouds, exact = explorer.estimates(), list(explorer.standard_deviations().values())
    plain, based, path = (three_digits(cloud.std(ddof=1)) for cloud in clouds.values())
    each = f"{explorer.draws} draw{'s' if explorer.draws > 1 else ''} each"
    assert reading(opened) == (
        f"Standard deviation over 200 estimates, {each}: {plain} by the score function, "
        f"{based} with a baseline, {path} reparameterised. One reparameterised draw is as precise "
        f"as {round((exact[1] / exact[2]) ** 2):,} with a baseline and "
        f"{round((exact[0] / exact[2]) ** 2):,} without."
    )
    picture = opened.get_by_role("img", name=re.compile("^Clouds of 200"))
    label = picture.get_attribute("aria-label")
    for name, cloud in clouds.items():
        assert f"{name}: mean {three_digits(cloud.mean())}, standard deviation" in label
    curves = opened.get_by_role("img", name=re.compile("^Exact standard deviation"))
    for name, value in zip(ESTIMATORS, exact, strict=True):
        assert f"{name} {three_digits(value)}, measured" in curves.get_attribute("aria-label")


@pytest.mark.browser
def test_sliders_move_with_the_keyboard_and_say_their_value(opened):
    slider = opened.get_by_label("width σ of q", exact=True)
    slider.focus()
    opened.keyboard.press("Home")
    assert slider.get_attribute("aria-valuetext") == "0.05"
    assert opened.locator(f"output[for='{slider.get_attribute('id')}']").inner_text() == "0.05"
    opened.keyboard.press("End")
    assert slider.get_attribute("aria-valuetext") == "2.00"


@pytest.mark.browser
@pytest.mark.parametrize("reach", [3, 30, 300])
def test_what_the_axis_cannot_show_is_counted(opened, reach):
    opened.get_by_label("axis", exact=True).select_option(f"1 ± {reach}")
    for at, (name, cloud) in enumerate(GradientExplorer().estimates().items()):
        outside = int((abs(cloud - 1) > reach).sum())
        assert opened.locator(f".tvae-dots.tvae-estimator-{at} > *").count() == 200 - outside, name
        detail = opened.locator(".tvae-detail").nth(at).text_content()
        assert detail.endswith(f"{outside} off the axis") == (outside > 0)


@pytest.mark.browser
def test_the_colours_follow_the_page(opened):
    dot = opened.locator(".tvae-dots.tvae-estimator-2 > *").first
    light = dot.evaluate("e => getComputedStyle(e).fill")
    opened.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert dot.evaluate("e => getComputedStyle(e).fill") != light
