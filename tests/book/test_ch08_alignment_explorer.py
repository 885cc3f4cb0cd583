"""The alignment explorer: its draws and values, in Python and in a real browser."""

import re

import numpy as np
import pytest

from tutorial_vae import cka
from tutorial_vae_book.ch08_cka.alignment_explorer import AlignmentExplorer

SETTINGS = [
    {},
    {"n": 10, "p": 2, "signal": 0.4},
    {"n": 100, "p": 64, "signal": 0.1},
    {"n": 30, "p": 512, "signal": 0.8},
    {"n": 20, "p": 128, "signal": 1.0},
]


def test_fewer_images_or_features_are_part_of_the_same_draws():
    large = AlignmentExplorer(n=50, p=64, signal=0.3).draws()
    small = AlignmentExplorer(n=20, p=8, signal=0.3).draws()
    for of_small, of_large in zip(small, large, strict=True):
        assert of_small.shape == (12, 20, 8)
        np.testing.assert_array_equal(of_small, of_large[:, :20, :8])


@pytest.mark.parametrize("signal", [0.0, 0.3, 1.0])
def test_the_population_has_the_similarity_that_the_slider_says(signal):
    x, y = (part.reshape(-1, 64) for part in AlignmentExplorer(n=100, p=64, signal=signal).draws())
    assert cka(x, y) == pytest.approx(signal, abs=0.01)


@pytest.mark.parametrize("setting", [{}, {"n": 100, "p": 128, "signal": 0.2}, {"signal": 0.7}])
def test_the_biased_value_is_the_expected_one_and_the_unbiased_one_is_the_truth(setting):
    explorer = AlignmentExplorer(**setting)
    values = explorer.values()
    error = values["unbiased"].std(ddof=1) / 12**0.5
    assert abs(values["unbiased"].mean() - explorer.signal) < 4 * error
    assert values["biased"].mean() == pytest.approx(explorer.expected_biased(), abs=0.01)
    assert values["biased"].mean() > values["unbiased"].mean()


def test_fifty_images_of_1024_features_mislead_as_200_of_4096_do():
    explorer = AlignmentExplorer(n=50, p=1024)
    assert explorer.expected_biased() == 4096 / (4096 + 200)
    assert round(explorer.expected_biased(), 2) == 0.95


@pytest.mark.parametrize(("name", "value"), [("n", 11), ("p", 4096), ("signal", 0.15)])
def test_a_choice_that_no_slider_has_is_a_named_error(name, value):
    with pytest.raises(ValueError, match=f"{name} must be one of .*, got {value}"):
        AlignmentExplorer(**{name: value})
    with pytest.raises(ValueError, match=f"{name} must be one of .*, got {value}"):
        setattr(AlignmentExplorer(), name, value)


@pytest.fixture
def opened(open_explorer):
    return open_explorer(AlignmentExplorer())


def three_decimals(value):
    return re.sub(r"^-(0\.0+)$", r"\1", f"{value:.3f}").replace("-", "\N{MINUS SIGN}")


def choose(page, explorer):
    titles = {"n": "images n", "p": "features p", "signal": "signal: the true CKA"}
    for name, title in titles.items():
        at = explorer.data["choices"][name]["values"].index(getattr(explorer, name))
        page.get_by_label(title, exact=True).fill(str(at))


@pytest.mark.browser
@pytest.mark.parametrize("setting", SETTINGS)
def test_the_page_shows_the_numbers_of_python(opened, setting, reading):
    explorer = AlignmentExplorer(**setting)
    choose(opened, explorer)
    biased, unbiased = (
        f"{three_decimals(each.mean())} ± {three_decimals(each.std(ddof=1))}"
        for each in explorer.values().values()
    )
    chance = explorer.p / (explorer.p + explorer.n)
    assert reading(opened) == (
        f"The truth is {explorer.signal:.2f}. Biased {biased}, where unrelated layers score "
        f"{chance:.3f}; unbiased {unbiased} (mean ± standard deviation of 12 draws)."
    )


@pytest.mark.browser
def test_the_drawing_against_n_has_the_values_of_every_n(opened):
    label = opened.get_by_role("img", name=re.compile("^Mean CKA of 12 draws"))
    spoken = label.get_attribute("aria-label")
    for n in (10, 100):
        biased, unbiased = AlignmentExplorer(n=n).values().values()
        means = [f"{each.mean():.2f}".replace("-0.00", "0.00") for each in (biased, unbiased)]
        assert f"n = {n}: {' and '.join(means)}".replace("-", "\N{MINUS SIGN}") in spoken


@pytest.mark.browser
@pytest.mark.parametrize("setting", SETTINGS[:3])
def test_the_gram_matrices_are_those_of_the_first_draw(opened, setting):
    explorer = AlignmentExplorer(**setting)
    choose(opened, explorer)
    for name, features in zip("XY", explorer.draws(), strict=True):
        centred = features[0] - features[0].mean(axis=0)
        gram = centred @ centred.T
        shown = min(explorer.n, 12)
        gram = (gram * len(gram) / np.trace(gram))[:shown, :shown]
        table = opened.get_by_role("img", name=re.compile(f"^Centred gram of {name}"))
        side = float(table.get_attribute("width"))
        drawn = (side / shown) * np.sqrt(np.minimum(abs(gram), 1)) - (gram < 0) >= 0.6
        assert table.locator(".tvae-filled").count() == (drawn & (gram > 0)).sum()
        assert table.locator(".tvae-hollow").count() == (drawn & (gram < 0)).sum()
        off = abs(gram[~np.eye(shown, dtype=bool)]).mean()
        assert f"other entries {off:.2f}" in table.get_attribute("aria-label")


@pytest.mark.browser
def test_sliders_move_with_the_keyboard_and_say_their_value(opened):
    slider = opened.get_by_label("features p", exact=True)
    slider.focus()
    opened.keyboard.press("Home")
    assert slider.get_attribute("aria-valuetext") == "2"
    opened.keyboard.press("End")
    assert slider.get_attribute("aria-valuetext") == "1,024"
    assert opened.locator(f"output[for='{slider.get_attribute('id')}']").inner_text() == "1,024"


@pytest.mark.browser
def test_the_colours_follow_the_page(opened):
    for kind in ("biased", "unbiased"):
        mark = opened.locator(f".tvae-alignment .tvae-figures .tvae-mark.tvae-{kind}").first
        light = mark.evaluate("e => getComputedStyle(e).fill")
        opened.evaluate("document.documentElement.dataset.theme = 'dark'")
        assert mark.evaluate("e => getComputedStyle(e).fill") != light
        opened.evaluate("document.documentElement.dataset.theme = 'light'")
