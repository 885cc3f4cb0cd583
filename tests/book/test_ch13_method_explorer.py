"""The method explorer: what travels in its state, and the same numbers in a real browser."""

import math

import numpy as np
import pandas
import pytest

from tutorial_vae.explorer import unpack
from tutorial_vae_book.ch13_transferability.method_explorer import MethodExplorer

TASKS, SHIFTS = ("letters to digits", "coats to shoes"), ("letters to digits", "day to night")
SEEDS, FRACTIONS = (0, 1, 2), (5, 30, 100)
STARTS = (
    ("supervised", "linear-probe"),
    ("supervised", "fine-tuning"),
    ("none", "fine-tuning"),
    ("supervised", "l2-sp"),
    ("generative", "fine-tuning"),
)
SHOWN = ("linear-probe", "fine-tuning", "l2-sp", "generative: fine-tuning", "from scratch")
STUDENT = 4.302653 / math.sqrt(3)  # the quantile in printed tables for two degrees of freedom


def rows():
    """Every run of two tasks with labels and two without, each value drawn at random."""
    random = np.random.default_rng(0)
    found = []

    def add(task, pretraining, method, fraction, setting, seed, **values):
        found.extend(
            {
                "task": task,
                "pretraining": pretraining,
                "method": method,
                "fraction": float(fraction),
                "setting": setting,
                "seed": float(seed),
                "measure": measure,
                "value": value,
            }
            for measure, value in values.items()
        )

    for seed in SEEDS:
        for task in TASKS:
            for pretraining, method in STARTS:
                for fraction in FRACTIONS:
                    if pretraining == "generative" and fraction == 30:
                        continue
                    values = {"accuracy": random.uniform(0.2, 0.9)}
                    if pretraining == "supervised":
                        values["source_accuracy"] = random.uniform(0.2, 0.9)
                        values["source_accuracy_before"] = 0.95 + seed / 100
                    setting = f"lr=0.00{1 + (seed == 2)}, strength=0.1"
                    add(task, pretraining, method, fraction, setting, seed, **values)
        for task, best in zip(SHIFTS, ("weak", "strong"), strict=True):
            for method in ("source-only", "dan"):
                for setting in ("weak", "strong"):
                    accuracy = random.uniform(0.5, 0.6) + 0.2 * (setting == best)
                    values = {"accuracy": accuracy, "source_accuracy": random.uniform(0.8, 0.9)}
                    values["source_accuracy_before"] = 0.95 + seed / 100
                    add(task, "supervised", method, 0, setting, seed, **values)
    return found


def values(measure="accuracy", **wanted):
    wanted["measure"] = measure
    return np.array([row["value"] for row in rows() if all(row[k] == v for k, v in wanted.items())])


def accuracy(method, fraction, pretraining="supervised", task=TASKS[0]):
    return values(task=task, method=method, fraction=fraction, pretraining=pretraining)


def shown(value, form=".1f"):
    return f"{value:{form}}".replace("-", "−")


def test_the_values_travel_with_the_control_last_and_missing_runs_empty():
    labelled, shifts = MethodExplorer(rows()).data["kinds"]
    assert tuple(labelled["names"]) == SHOWN
    assert labelled["fractions"] == list(FRACTIONS)
    travelled, source = unpack(labelled["accuracy"]), unpack(labelled["source"])
    np.testing.assert_allclose(travelled[1, 2, 0], accuracy("l2-sp", 5, task=TASKS[1]), atol=1e-5)
    assert np.isnan(travelled[0, 3, 1]).all()
    assert np.isnan(source[0, 4, 0]).all()
    np.testing.assert_allclose(unpack(labelled["before"])[0], [0.95, 0.96, 0.97], atol=1e-6)
    used = unpack(labelled["used"])[0, 2, 0].astype(int)
    assert [labelled["settings"][i] for i in used] == [
        "lr=0.001, strength=0.1", "lr=0.001, strength=0.1", "lr=0.002, strength=0.1"
    ]  # fmt: skip
    assert shifts["fractions"] == [0]


def test_a_frame_shows_what_its_rows_show():
    assert MethodExplorer(pandas.DataFrame(rows())).data == MethodExplorer(rows()).data


def test_a_task_without_labels_has_the_setting_that_was_best_elsewhere():
    shifts = MethodExplorer(rows()).data["kinds"][1]
    assert shifts["tasks"] == [f"{task}, no labels" for task in SHIFTS]
    # What was weak on one task was best on the other.
    for task, setting in zip(range(2), ("strong", "weak"), strict=True):
        used = unpack(shifts["used"])[task, :, 0].astype(int)
        assert {shifts["settings"][i] for i in used.ravel()} == {setting}
        expected = values(task=SHIFTS[task], method="dan", setting=setting)
        travelled = unpack(shifts["accuracy"])[task, 1, 0]
        np.testing.assert_allclose(travelled, expected, atol=1e-5)


def test_choices_are_checked_and_may_be_set():
    explorer = MethodExplorer(rows())
    assert (explorer.task, explorer.method, explorer.fraction) == (TASKS[0], "l2-sp", 5)
    explorer.method = "dan"
    with pytest.raises(ValueError, match=r"method must be one of linear-probe, .* got 'magic'"):
        explorer.method = "magic"
    with pytest.raises(ValueError, match="fraction must be one of 5, 30, 100, 0, got 7"):
        MethodExplorer(rows(), fraction=7)


def test_what_cannot_be_shown_is_named():
    with pytest.raises(ValueError, match="at least one measurement"):
        MethodExplorer([])
    with pytest.raises(ValueError, match="lack the columns seed, task"):
        MethodExplorer([{k: v for k, v in rows()[0].items() if k not in ("seed", "task")}])
    with pytest.raises(ValueError, match="rows must hold runs of fine-tuning"):
        MethodExplorer([row for row in rows() if row["method"] == "linear-probe"])


@pytest.fixture
def opened(open_explorer):
    return open_explorer(MethodExplorer(rows()))


@pytest.mark.browser
@pytest.mark.parametrize(("key", "fraction"), [("Home", 5), ("End", 100)])
def test_the_reading_holds_the_numbers_of_the_rows(opened, reading, key, fraction):
    opened.get_by_label("labels of the target", exact=True).press(key)
    own = 100 * accuracy("l2-sp", fraction)
    gain = own - 100 * accuracy("fine-tuning", fraction)
    half = STUDENT * gain.std(ddof=1)
    scratch = 100 * accuracy("fine-tuning", fraction, "none").mean()
    kept = values("source_accuracy", task=TASKS[0], method="l2-sp", fraction=fraction)
    assert reading(opened).replace("\u00a0", " ") == (
        f"L2-SP, {TASKS[0]}, with {fraction} % of the labels: {own.mean():.1f} % (3 seeds: "
        f"{own.min():.1f} to {own.max():.1f}); {shown(gain.mean(), '+.1f')} points beside plain "
        f"fine-tuning (95 % interval {shown(gain.mean() - half, '+.1f')} to "
        f"{shown(gain.mean() + half, '+.1f')}); from scratch {scratch:.1f} %. "
        f"On the source {100 * kept.mean():.1f} % are right, 96.0 % before."
    )


@pytest.mark.browser
def test_drawings_say_every_method(opened):
    curves, gains, kept = (
        drawing.get_attribute("aria-label").replace("\u00a0", " ")
        for drawing in opened.locator(".tvae-explorer svg[role=img]").all()
    )
    for fraction in FRACTIONS:
        assert f"{100 * accuracy('l2-sp', fraction).mean():.1f} % with {fraction} %" in curves
    gain = 100 * (accuracy("fine-tuning", 5, "generative") - accuracy("fine-tuning", 5)).mean()
    assert f"generative: fine-tuning {shown(gain, '+.1f')} (" in gains
    assert "; fine-tuning is the reference; " in gains
    assert kept.startswith("Accuracy on the source, 96.0 % before; after: linear probe ")
    assert "scratch" not in kept  # it has no classifier of the source


@pytest.mark.browser
def test_a_task_without_labels_has_no_slider_and_its_own_methods(opened, reading):
    opened.get_by_label("task").select_option("day to night, no labels")
    slider = opened.get_by_label("labels of the target", exact=True)
    assert slider.is_disabled()
    assert slider.get_attribute("aria-valuetext") == "no labels"
    assert opened.get_by_label("method").locator("option").all_inner_texts() == [
        "source only", "DAN"
    ]  # fmt: skip
    own, base = (
        100 * values(task="day to night", method=m, setting="weak") for m in ("dan", "source-only")
    )
    text = reading(opened).replace("\u00a0", " ")
    assert text.startswith(f"DAN, day to night, no labels: {own.mean():.1f} %")
    assert f"{shown((own - base).mean(), '+.1f')} points beside source only" in text
    assert opened.get_by_text("DAN: weak, chosen by the accuracy on the other tasks").is_visible()
    opened.get_by_label("task").select_option(TASKS[1])
    assert reading(opened).startswith(f"L2-SP, {TASKS[1]}, with 5")


@pytest.mark.browser
def test_a_row_chooses_its_method_and_runs_that_are_missing_are_said_to_be(opened, reading):
    opened.locator(".tvae-gains [data-method='generative: fine-tuning']").click()
    assert opened.get_by_label("method").input_value() == "generative: fine-tuning"
    assert opened.get_by_label("labels of the target", exact=True).input_value() == "0"
    opened.get_by_label("labels of the target", exact=True).press("ArrowRight")
    assert "generative: fine-tuning, letters to digits, with 30" in reading(opened)
    assert reading(opened).endswith("not measured.")


@pytest.mark.browser
def test_the_settings_of_every_method_open(opened):
    summary = opened.get_by_text("The settings of every method")
    assert summary.bounding_box()["height"] >= 40
    summary.press("Enter")
    cells = opened.locator("tbody tr").nth(2).locator("th, td").all_inner_texts()
    assert cells == [
        "L2-SP",
        "lr 0.001, strength 0.1 (seeds 0 and 1); lr 0.002, strength 0.1 (seed 2)",
    ]
