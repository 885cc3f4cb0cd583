"""The settling explorer: what it takes in Python, and what it shows in a real browser."""

from itertools import pairwise

import numpy as np
import pytest

from tutorial_vae.explorer import unpack
from tutorial_vae_book.ch09_inside_a_vae.settling_explorer import SettlingExplorer

STEPS = [0, 10, 100, 2000]
LAYERS = ["encoder.conv1", "encoder.mean", "decoder.dense1"]
SPRITES = np.array(
    [
        [[0.9, 0.2, 0.4], [0.95, 0.1, 0.4], [0.98, 0.6, 0.7], [1, 1, 1]],
        [[0.8, 0.4, 0.2], [0.75, 0.5, 0.8], [0.9, 0.6, 0.9], [1, 1, 1]],
    ]
)
SETS = {"sprites": SPRITES, "solids": SPRITES[:1] ** 2}


@pytest.fixture
def explorer():
    return SettlingExplorer(SETS, steps=STEPS, layers=LAYERS)


def test_it_opens_on_the_first_set_and_layer_halfway_through(explorer):
    assert (explorer.images, explorer.step, explorer.layer) == ("sprites", 100, "encoder.conv1")
    assert repr(explorer) == "SettlingExplorer(sprites, solids)"


@pytest.mark.parametrize(
    ("trait", "good", "bad"),
    [("images", "solids", "mnist"), ("step", 10, 11), ("layer", "encoder.mean", "mean")],
)
def test_what_is_set_is_checked(explorer, trait, good, bad):
    setattr(explorer, trait, good)
    assert getattr(explorer, trait) == good
    with pytest.raises(ValueError, match=f"{trait} must be one of"):
        setattr(explorer, trait, bad)
    assert getattr(explorer, trait) == good


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"similarities": {}}, "similarities must hold at least one"),
        ({"steps": [0, 10, 10, 2000]}, "steps must hold at least two numbers that grow"),
        ({"steps": [0]}, "steps must hold at least two"),
        ({"steps": [0, 10]}, r"similarities\['sprites'\] must have the shape \(seeds, 2, 3\)"),
        ({"similarities": {"sprites": SPRITES[0]}}, "must have the shape"),
        ({"similarities": {"sprites": 2 * SPRITES}}, "must lie between -1 and 1"),
        ({"similarities": {"sprites": np.full((1, 4, 3), np.nan)}}, "must lie between"),
    ],
)
def test_what_cannot_be_shown_is_refused(changes, message):
    given = {"similarities": SETS, "steps": STEPS, "layers": LAYERS} | changes
    with pytest.raises(ValueError, match=message):
        SettlingExplorer(given.pop("similarities"), **given)


def test_similarities_travel_in_single_precision(explorer):
    assert np.array_equal(unpack(explorer.data["values"]["sprites"]), SPRITES.astype("f4"))


browser = pytest.mark.browser


def show(page, *, images=None, step=None, layer=None):
    if images is not None:
        page.get_by_label("images", exact=True).select_option(images)
    if step is not None:
        page.get_by_label("training step", exact=True).fill(str(STEPS.index(step)))
    if layer is not None:
        page.get_by_label("layer", exact=True).fill(str(LAYERS.index(layer)))


def text(value):
    return f"{round(value, 2) + 0:.2f}".replace("-", "−")


def expected(values, step, layer):
    """The numbers of the reading, computed here."""
    now, first = values[:, step, layer], values[:, 0, layer]
    each = (now - first) / (1 - first)
    mean = (now.mean() - first.mean()) / (1 - first.mean())
    raw = f"{text(now.mean())} ({text(now.min())} to {text(now.max())})"
    return (
        f"CKA with the end {raw}; progress {text(mean)} ({text(each.min())} to {text(each.max())})"
    )


@browser
@pytest.mark.parametrize("images", SETS)
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("layer", LAYERS)
def test_the_reading_agrees_with_numpy(opened, images, step, layer, reading):
    show(opened, images=images, step=step, layer=layer)
    numbers = expected(SETS[images], STEPS.index(step), LAYERS.index(layer))
    start = text(SETS[images][:, 0, LAYERS.index(layer)].mean())
    assert reading(opened) == (
        f"{images}, step {step}, {layer}: {numbers} of the way from its untrained {start}."
    )


@browser
def test_a_layer_that_starts_at_its_end_has_nowhere_to_go(open_explorer, reading):
    still = np.ones((2, 4, 3))
    page = open_explorer(SettlingExplorer({"still": still}, steps=STEPS, layers=LAYERS))
    assert "progress not defined: it had nowhere to go" in reading(page)


@browser
def test_the_drawings_say_what_they_show(opened):
    show(opened, step=10, layer="decoder.dense1")
    names = [svg.get_attribute("aria-label") for svg in opened.get_by_role("img").all()]
    assert names[0] == (
        "CKA with the end of each layer at step 10, mean over seeds: "
        "encoder.conv1 0.85, encoder.mean 0.30, decoder.dense1 0.60."
    )
    assert names[3] == (
        "progress since the start of decoder.dense1 at each step, mean over seeds: "
        "0 0.00, 10 0.43, 100 0.71, 2000 1.00."
    )


@browser
def test_a_value_below_the_frame_is_marked_at_its_edge(open_explorer, reading):
    away = np.array([[[0.9, 0.2, 0.4], [0.5, 0.3, 0.5], [0.9, 0.5, 0.5], [1, 1, 1]]])
    page = open_explorer(SettlingExplorer({"away": away}, steps=STEPS, layers=LAYERS))
    assert page.locator(".tvae-figures path.tvae-dot").count() == 1  # of the layer, at all steps
    show(page, step=10)
    assert page.locator(".tvae-figures path.tvae-dot").count() == 2
    assert "progress −4.00 (−4.00 to −4.00)" in reading(page)


@browser
@pytest.mark.parametrize("width", [360, 1280])
def test_labels_of_the_steps_do_not_touch(opened, width):
    opened.set_viewport_size({"width": width, "height": 900})
    opened.wait_for_function(
        "() => [...document.querySelectorAll('.tvae-chart')].every((chart) =>"
        " chart.getAttribute('width') <= chart.parentElement.clientWidth + 1)"
    )
    boxes = [
        label.bounding_box()
        for label in opened.locator(".tvae-chart").last.locator("text").all()
        if label.text_content() in {str(step) for step in STEPS[1:]}
    ]
    boxes.sort(key=lambda box: box["x"])
    assert len(boxes) >= 2
    for left, right in pairwise(boxes):
        assert left["x"] + left["width"] < right["x"]


@browser
def test_the_keyboard_moves_the_sliders_and_they_say_their_values(opened, reading):
    for name, spoken in (("training step", "step 10"), ("layer", "encoder.mean")):
        slider = opened.get_by_label(name, exact=True)
        slider.focus()
        opened.keyboard.press("ArrowLeft" if name == "training step" else "ArrowRight")
        assert slider.get_attribute("aria-valuetext") == spoken
    assert reading(opened).startswith("sprites, step 10, encoder.mean: ")
