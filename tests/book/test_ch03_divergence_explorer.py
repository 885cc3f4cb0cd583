"""The divergence explorer: its numbers in Python, and the same numbers in a real browser."""

import re
from itertools import product

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from tutorial_vae_book.ch03_kl_divergence.divergence_explorer import DivergenceExplorer

SETTINGS = [
    {"mean_q": 1.0, "std_q": 0.5, "mean_p": 0.0, "std_p": 1.0},
    {"mean_q": -3.0, "std_q": 3.0, "mean_p": 3.0, "std_p": 0.2},
    {"mean_q": 0.5, "std_q": 1.0, "mean_p": 0.0, "std_p": 1.0},
    {"mean_q": -1.7, "std_q": 0.9, "mean_p": 2.2, "std_p": 1.6},
    {"mean_q": 0.3, "std_q": 2.1, "mean_p": 0.3, "std_p": 2.0},
]


def divergences(mean_q, std_q, mean_p, std_p):
    """Both directions by PyTorch, which computes them in its own way."""
    q, p = (
        Normal(*torch.tensor(x, dtype=torch.float64)) for x in ((mean_q, std_q), (mean_p, std_p))
    )
    return kl_divergence(q, p).item(), kl_divergence(p, q).item()


def shown(value):
    return f"{value:.3f}" if value < 99.9995 else f"{value:.1f}"


@pytest.mark.parametrize("setting", SETTINGS)
def test_divergences_are_those_of_pytorch(setting):
    assert DivergenceExplorer(**setting).divergences == pytest.approx(divergences(**setting))


def test_the_wider_of_two_gaussians_always_gives_the_larger_divergence():
    for mean, std_q, std_p in product((0.0, 0.4, 3.0), (0.2, 1.0, 2.5), (0.3, 1.0, 3.0)):
        of_q, of_p = DivergenceExplorer(mean_q=mean, std_q=std_q, std_p=std_p).divergences
        assert np.sign(round(of_q - of_p, 9)) == np.sign(std_q - std_p)


def test_what_is_set_moves_the_numbers_and_is_checked():
    explorer = DivergenceExplorer(mean_q=0.0, std_q=1.0)
    assert explorer.divergences == (0.0, 0.0)
    explorer.mean_q = 2.0
    assert explorer.divergences == (2.0, 2.0)
    assert repr(explorer) == "DivergenceExplorer(KL(q‖p) = 2.000 nats, KL(p‖q) = 2.000 nats)"
    with pytest.raises(ValueError, match=r"std_q must be from 0.2 to 3, got 0.0"):
        explorer.std_q = 0.0
    with pytest.raises(ValueError, match=r"mean_p must be from -3 to 3, got 4"):
        DivergenceExplorer(mean_p=4.0)
    assert explorer.mean_q == 2.0


@pytest.fixture
def opened(open_explorer):
    return open_explorer(DivergenceExplorer())


def slide(page, setting):
    for trait, value in setting.items():
        kind, name = trait.split("_")
        label = f"{'mean' if kind == 'mean' else 'width'} of {name}"
        page.get_by_label(label, exact=True).fill(str(value))


@pytest.mark.browser
@pytest.mark.parametrize("setting", SETTINGS)
def test_the_browser_shows_the_digits_of_python(opened, setting, reading):
    slide(opened, setting)
    of_q, of_p = DivergenceExplorer(**setting).divergences
    numbers = f"KL(q‖p) = {shown(of_q)} nats, KL(p‖q) = {shown(of_p)} nats."
    assert reading(opened).startswith(numbers)
    bars = opened.locator(".tvae-bars .tvae-value").all_inner_texts()
    assert bars == [shown(of_q), shown(of_p)]


@pytest.mark.browser
@pytest.mark.parametrize("setting", SETTINGS)
def test_the_areas_are_those_of_the_integrand(opened, setting):
    slide(opened, setting)
    ends = [(setting["mean_q"], setting["std_q"]), (setting["mean_p"], setting["std_p"])]
    notes = opened.locator(".tvae-areas").all_inner_texts()
    for note, one, other in zip(notes, ends, ends[::-1], strict=True):
        z = torch.linspace(one[0] - 9 * one[1], one[0] + 9 * one[1], 200_001, dtype=torch.float64)
        log_one, log_other = (Normal(*pair).log_prob(z) for pair in (one, other))
        curve = log_one.exp() * (log_one - log_other)
        above, below = (torch.trapezoid(part.clamp(min=0), z).item() for part in (curve, -curve))
        numbers = [float(n) for n in re.findall(r"\d+\.\d+", note)]
        assert numbers[:2] == pytest.approx([above, below], rel=2e-3, abs=2e-3)
        assert numbers[0] - numbers[1] == pytest.approx(numbers[2], abs=0.11)


@pytest.mark.browser
def test_the_reading_says_how_the_directions_disagree(opened, reading):
    assert reading(opened).endswith(
        "The second is 3.4 times the first: it averages over the wider one, p."
    )
    opened.get_by_role("button", name="Swap q and p").click()
    assert reading(opened).endswith(
        "The first is 3.4 times the second: it averages over the wider one, q."
    )
    assert opened.get_by_label("mean of p", exact=True).input_value() == "1"
    slide(opened, {"std_q": 1.0, "std_p": 1.0})
    assert reading(opened).endswith("0.500 nats. Equal widths: both agree.")
    slide(opened, {"mean_q": 1.0})
    assert reading(opened).endswith("0.000 nats. q and p are the same.")


@pytest.mark.browser
def test_the_sliders_move_with_the_keyboard_and_say_their_value(opened, reading):
    slider = opened.get_by_label("width of q", exact=True)
    slider.focus()
    opened.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "0.6"
    after = DivergenceExplorer(std_q=0.6).divergences
    assert shown(after[0]) in reading(opened)
    opened.get_by_label("mean of q", exact=True).fill("-1.2")
    assert opened.get_by_label("mean of q", exact=True).get_attribute("aria-valuetext") == "−1.2"


@pytest.mark.browser
def test_drawings_have_words_and_the_negative_part_is_hatched(opened):
    names = [svg.get_attribute("aria-label") for svg in opened.get_by_role("img").all()]
    assert "Densities of q, with mean 1.0 and width 0.5" in names[0]
    assert "The curve q log(q/p). Its area above zero is 0.911" in names[1]
    assert "The curve p log(p/q)" in names[2]
    assert opened.locator("path[fill^='url(']").count() == 2
