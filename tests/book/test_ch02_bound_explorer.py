"""The bound explorer: its arithmetic in Python, and the same numbers in a real browser."""

import json
import math
import re

import pytest
from scipy.integrate import quad
from scipy.stats import norm

from tutorial_vae_book.ch02_elbo.bound_explorer import BoundExplorer, ScalarModel

ONE_PEAK = ScalarModel((0, 1), x=1.5, noise=0.5)
TWO_PEAKS = ScalarModel((0, 0, 1), x=1.5, noise=0.5)
SETTINGS = [(0.0, 0.0), (1.2, -0.8), (-2.45, -2.5), (0.35, 0.6), (-3.0, 1.0)]


@pytest.fixture
def explorer():
    return BoundExplorer({"one peak": ONE_PEAK, "two peaks": TWO_PEAKS})


@pytest.mark.parametrize(("mean", "log_width"), SETTINGS)
def test_a_straight_decoder_has_the_closed_forms(mean, log_width):
    width = math.exp(log_width)
    parts = ONE_PEAK.parts(mean, width)
    variance, centre = (
        0.2,
        1.2,
    )  # of the true posterior: 1 / (1 + 1/0.25), and 1.5 of that over 0.25
    gap = 0.5 * ((width**2 + (mean - centre) ** 2) / variance - 1 - math.log(width**2 / variance))
    reconstruction = norm(mean, 0.5).logpdf(1.5) - width**2 / (2 * 0.25)
    kl = 0.5 * (mean**2 + width**2 - 1) - log_width
    assert parts.log_likelihood == pytest.approx(norm(0, math.sqrt(1.25)).logpdf(1.5), abs=1e-10)
    assert parts.gap == pytest.approx(gap, abs=1e-10)
    assert parts.reconstruction == pytest.approx(reconstruction, abs=1e-10)
    assert parts.kl == pytest.approx(kl, abs=1e-12)


@pytest.mark.parametrize("model", [ONE_PEAK, TWO_PEAKS, ScalarModel((0.5, -1, 0, 0.2), 1.0, 0.6)])
@pytest.mark.parametrize(("mean", "log_width"), SETTINGS)
def test_the_bound_and_the_gap_add_up_to_the_log_likelihood(model, mean, log_width):
    parts = model.parts(mean, math.exp(log_width))
    assert parts.elbo + parts.gap == pytest.approx(parts.log_likelihood, abs=1e-9)
    assert parts.elbo == pytest.approx(parts.reconstruction - parts.kl, abs=1e-12)
    assert parts.gap >= 0


def test_two_peaks_agree_with_adaptive_quadrature():
    def joint(z):
        return norm.pdf(z) * norm.pdf(1.5, z**2, 0.5)

    evidence, _ = quad(joint, -8, 8, points=[-1.2, 1.2], epsabs=1e-13)
    q = norm(0.3, 0.4)
    bound, _ = quad(lambda z: q.pdf(z) * (math.log(joint(z)) - q.logpdf(z)), -2.9, 3.5)
    parts = TWO_PEAKS.parts(0.3, 0.4)
    assert parts.log_likelihood == pytest.approx(math.log(evidence), abs=1e-9)
    assert parts.elbo == pytest.approx(bound, abs=1e-7)


def test_the_true_posterior_leaves_no_gap():
    assert ONE_PEAK.parts(1.2, math.sqrt(0.2)).gap == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((), 1.0, 0.5), "decoder"),
        (((0, math.nan), 1.0, 0.5), "decoder"),
        (((0, 1), math.inf, 0.5), "x must"),
        (((0, 1), 1.0, 0.3), "noise"),
        (((0, 1), 1.0, math.inf), "noise"),
    ],
)
def test_a_model_that_cannot_be_drawn_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ScalarModel(*arguments)


def test_what_is_set_is_checked(explorer):
    with pytest.raises(ValueError, match="empty"):
        BoundExplorer({})
    with pytest.raises(ValueError, match="choice must be one of one peak, two peaks"):
        explorer.choice = "three peaks"
    with pytest.raises(ValueError, match="mean must be from -3 to 3"):
        explorer.mean = 3.5
    with pytest.raises(ValueError, match=r"log_width must be from -2\.5 to 1"):
        explorer.log_width = math.nan
    assert (explorer.choice, explorer.mean, explorer.log_width) == ("one peak", 0.0, 0.0)


def test_parts_follow_what_is_chosen(explorer):
    explorer.choice, explorer.mean, explorer.log_width = "two peaks", 1.0, -1.0
    assert explorer.parts == TWO_PEAKS.parts(1.0, math.exp(-1.0))


def shown(page):
    """The numbers below the bars: log-likelihood, gap, bound, reconstruction, KL and bound."""
    texts = page.locator(".tvae-account strong").all_inner_texts()
    return [float(text.replace("\N{MINUS SIGN}", "-")) for text in texts]


@pytest.mark.browser
@pytest.mark.parametrize(("choice", "model"), [("one peak", ONE_PEAK), ("two peaks", TWO_PEAKS)])
def test_the_browser_shows_the_numbers_of_python(opened, choice, model):
    opened.get_by_label("true posterior", exact=True).select_option(choice)
    for mean, log_width in SETTINGS:
        opened.get_by_label("mean μ of q").fill(str(mean))
        opened.get_by_label("width σ of q").fill(str(log_width))
        parts = model.parts(mean, math.exp(log_width))
        log_likelihood, gap, bound, reconstruction, kl, again = shown(opened)
        exact = [parts.log_likelihood, parts.elbo, parts.reconstruction]
        assert [log_likelihood, bound, reconstruction] == pytest.approx(exact, abs=0.00051)
        # Differences of rounded numbers: they add up on the screen, and may be off by one digit.
        assert [gap, kl] == pytest.approx([parts.gap, parts.kl], abs=0.00101)
        assert bound == again == pytest.approx(log_likelihood - gap, abs=1e-9)
        assert bound == pytest.approx(reconstruction - kl, abs=1e-9)


@pytest.mark.browser
def test_the_bars_end_where_the_numbers_say(opened):
    opened.get_by_label("mean μ of q").fill("0.6")
    left, width = (
        opened.locator(".tvae-bars rect[class^='tvae-segment']").evaluate_all(
            f"all => all.map((e) => Number(e.getAttribute('{name}')))"
        )
        for name in ("x", "width")
    )
    log_likelihood, gap, bound, reconstruction, kl, _ = shown(opened)
    ends = [x + w for x, w in zip(left, width, strict=True)]
    assert left[0] == pytest.approx(ends[1], abs=1e-6)
    assert left[2] == pytest.approx(ends[3], abs=1e-6)
    assert left[1] == pytest.approx(left[3], abs=1e-6)
    assert width[1] / width[0] == pytest.approx(gap / -log_likelihood, abs=1e-6)
    assert width[3] / width[2] == pytest.approx(kl / -reconstruction, abs=1e-6)
    label = opened.get_by_role("img", name=re.compile("^Two bars")).get_attribute("aria-label")
    assert f"the bound {bound:.3f}".replace("-", "\N{MINUS SIGN}") in label


@pytest.mark.browser
def test_the_sliders_move_with_the_keyboard_and_say_their_value(opened, reading):
    slider = opened.get_by_label("mean μ of q")
    before = reading(opened)
    slider.focus()
    opened.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "0.05"
    assert reading(opened) != before
    width = opened.get_by_label("width σ of q")
    width.focus()
    opened.keyboard.press("Home")
    assert width.get_attribute("aria-valuetext") == f"{math.exp(-2.5):.2f}"
    assert "nats below the log-likelihood of \N{MINUS SIGN}1.931." in reading(opened)


@pytest.mark.browser
def test_climbing_finds_the_posterior_or_the_peak_nearby(opened):
    button = opened.get_by_role("button", name="Climb to the nearest top")
    button.click()
    assert shown(opened)[1] <= 0.001
    opened.get_by_label("true posterior", exact=True).select_option("two peaks")
    gaps = {}
    for start in (-2.0, 0.0, 2.0):
        opened.get_by_label("mean μ of q").fill(str(start))
        opened.get_by_label("width σ of q").fill("-1" if start else "0")
        button.click()
        gaps[start] = shown(opened)[1]
    assert gaps[-2.0] == gaps[2.0]
    assert math.log(2) < gaps[2.0] < 1 < gaps[0.0]


@pytest.mark.browser
def test_the_drawing_says_where_the_peaks_are(opened):
    drawing = opened.get_by_role("img", name=re.compile("^Densities"))
    assert "The true posterior has its peak at 1.2." in drawing.get_attribute("aria-label")
    opened.get_by_label("true posterior", exact=True).select_option("two peaks")
    assert "has peaks at \N{MINUS SIGN}1.2 and 1.2." in drawing.get_attribute("aria-label")


@pytest.mark.browser
def test_a_name_cannot_smuggle_markup_in(open_explorer):
    name = "<img src=x onerror=alert(1)>"
    explorer = BoundExplorer({name: ONE_PEAK, "plain": TWO_PEAKS})
    assert json.dumps(name)[1:-1] not in explorer.to_fragment()
    assert open_explorer(explorer).locator("img").count() == 0
