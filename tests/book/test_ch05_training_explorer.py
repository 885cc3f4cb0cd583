"""The training explorer: what it takes in Python, and what it shows in a real browser."""

import numpy as np
import pytest

from tutorial_vae_book.ch05_training_a_vae.training_explorer import TrainingExplorer, TrainingRun

STEPS = [0, 3, 30, 400]
RANDOM = np.random.default_rng(0)
ORIGINALS = RANDOM.random((3, 4, 5))


def run_of(looks=4, *, told=None, elbo=None, kl=None, note=""):
    return TrainingRun(
        steps=STEPS[:looks],
        told=told or [-180.0, -150.0, -120.0, -100.5][:looks],
        elbo=elbo or [-180.0, -152.0, -121.0, -101.5][:looks],
        kl=kl or [0.0, 2.0, 4.0, 6.3][:looks],
        reconstructions=RANDOM.random((looks, 3, 4, 5)),
        samples=RANDOM.random((looks, 3, 4, 5)),
        note=note,
    )


RUNS = {
    "healthy": run_of(),
    "no KL": run_of(
        told=[-180.0, -150.0, -110.0, -90.0],
        elbo=[-180.0, -160.0, -150.0, -171.0],
        kl=[0.0, 10.0, 40.0, 82.8],
        note="the objective is the log-likelihood alone",
    ),
    "flipped sign": run_of(
        2, told=[-180.0, 3.6e6], elbo=[-180.0, -4.4e6], kl=[0.0, 4.0e6], note="the KL is added"
    ),
}


@pytest.fixture
def explorer():
    return TrainingExplorer(RUNS, originals=ORIGINALS)


def test_it_opens_on_the_first_broken_run_at_the_last_step(explorer):
    assert (explorer.run, explorer.step) == ("no KL", 400)
    assert repr(explorer) == "TrainingExplorer(healthy, no KL, flipped sign)"


def test_what_is_set_is_checked(explorer):
    with pytest.raises(ValueError, match="run must be one of no KL, flipped sign, got 'healthy'"):
        explorer.run = "healthy"
    with pytest.raises(ValueError, match="step must be one of 0, 3, 30, 400, got 4"):
        explorer.step = 4
    explorer.step = 30
    assert explorer.step == 30


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": [0, 3, 3, 400]}, "steps must hold numbers that grow"),
        ({"steps": []}, "steps must hold"),
        ({"told": [1.0, 2.0]}, "told has 2 entries, but there are 4 steps"),
        ({"kl": [0.0, 1.0, float("nan"), 2.0]}, "kl must be finite"),
        ({"samples": np.zeros((4, 3, 4, 4))}, "must both have the shape"),
        ({"samples": np.zeros((4, 3, 4)), "reconstructions": np.zeros((4, 3, 4))}, "must both"),
    ],
)
def test_a_run_that_cannot_be_shown_is_refused(changes, message):
    fields = {name: getattr(RUNS["healthy"], name) for name in TrainingRun.__dataclass_fields__}
    with pytest.raises(ValueError, match=message):
        TrainingRun(**(fields | changes))


def test_runs_that_do_not_belong_together_are_refused():
    with pytest.raises(ValueError, match="runs must hold a healthy run and another, not 1"):
        TrainingExplorer({"healthy": run_of()}, originals=ORIGINALS)
    with pytest.raises(ValueError, match=r"originals must have the shape \(3, 4, 5\)"):
        TrainingExplorer(RUNS, originals=ORIGINALS[:2])
    with pytest.raises(ValueError, match=r"runs\['longer'\] has looked at the steps"):
        TrainingExplorer({"healthy": run_of(2), "longer": run_of()}, originals=ORIGINALS)
    wide = TrainingRun(STEPS, *[[0.0] * 4] * 3, *[np.zeros((4, 3, 4, 6))] * 2)
    with pytest.raises(ValueError, match=r"runs\['wide'\] has pictures of shape \(3, 4, 6\)"):
        TrainingExplorer({"healthy": run_of(), "wide": wide}, originals=ORIGINALS)


browser = pytest.mark.browser


def show(page, *, run=None, step=None):
    if run is not None:
        page.get_by_label("broken run", exact=True).select_option(run)
    if step is not None:
        page.get_by_label("training step", exact=True).fill(str(STEPS.index(step)))


def pictures(page):
    """Levels of each row of pictures, of shape (rows, n, height, width)."""
    rows = []
    for canvas in page.locator("canvas").all():
        levels = canvas.evaluate(
            "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
        )
        grid = np.array(levels).reshape(4, 17, 4)[..., 0]
        rows.append([grid[:, 6 * i : 6 * i + 5] for i in range(3)])
    return np.array(rows)


@browser
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("run", ["no KL", "flipped sign"])
def test_the_pictures_are_those_of_the_run_at_the_step(opened, run, step):
    show(opened, run=run, step=step)
    look = STEPS.index(step)
    ended = min(look, len(RUNS[run].steps) - 1)
    expected = [
        ORIGINALS,
        RUNS["healthy"].reconstructions[look],
        RUNS[run].reconstructions[ended],
        RUNS["healthy"].samples[look],
        RUNS[run].samples[ended],
    ]
    assert abs(pictures(opened) - 255 * np.array(expected)).max() <= 9  # sixteen levels


@browser
def test_the_reading_says_what_is_told_and_what_is_true(opened, reading):
    assert reading(opened) == (
        "No KL, step 400. It is told −90.0 nats; on unseen images its ELBO is −171.0 and its KL "
        "82.8, so the ELBO is 69.5 nats below that of the healthy run."
    ) or reading(opened).startswith("no KL, step 400. It is told −90.0 nats")
    assert "69.5 nats below that of the healthy run" in reading(opened)
    show(opened, step=30)
    assert "its ELBO is −150.0 and its KL 40.0, so the ELBO is 29.0 nats below" in reading(opened)


@browser
def test_a_run_that_diverged_says_so_and_keeps_its_last_pictures(opened, reading):
    show(opened, run="flipped sign", step=400)
    assert "diverged after step 3" in reading(opened)
    assert "told 3.6 × 10⁶ nats" in reading(opened)
    assert "ELBO is −4.4 × 10⁶" in reading(opened)
    assert opened.locator(".tvae-end").count() == 2
    show(opened, step=3)
    assert "flipped sign, step 3" in reading(opened).lower()
    assert opened.locator(".tvae-note").inner_text() == "the KL is added"
    show(opened, run="no KL")
    assert opened.locator(".tvae-end").count() == 0


@browser
def test_curves_stay_inside_their_charts(opened):
    show(opened, run="flipped sign")
    for chart in opened.locator("svg.tvae-chart").all():
        height = float(chart.get_attribute("height"))
        width = float(chart.get_attribute("width"))
        for curve in chart.locator("path.tvae-curve").all():
            points = [
                [float(number) for number in pair.split()]
                for pair in curve.get_attribute("d")[1:].split("L")
            ]
            assert all(0 <= x <= width and 0 <= y <= height for x, y in points)


@browser
def test_the_keyboard_moves_the_slider_and_it_says_its_value(opened, reading):
    slider = opened.get_by_label("training step", exact=True)
    slider.focus()
    opened.keyboard.press("ArrowLeft")
    assert slider.get_attribute("aria-valuetext") == "step 30"
    assert opened.locator("output").inner_text() == "30"
    assert "step 30" in reading(opened)


@browser
def test_drawings_have_words(opened):
    names = [svg.get_attribute("aria-label") for svg in opened.get_by_role("img").all()]
    assert len(names) == 7
    assert "its ELBO on unseen images ends at −171.0" in names[0]
    assert "its KL on unseen images ends at 82.8 nats per image; that of the healthy" in names[1]
    assert names[2:] == [
        f"3 pictures, {what}, at step 400"
        for what in (
            "unseen images",
            "healthy: reconstructed",
            "no KL: reconstructed",
            "healthy: from the prior",
            "no KL: from the prior",
        )
    ]
