"""The field explorer: what its boxes say of the measured tables, and how they open in a browser."""

import importlib
from types import SimpleNamespace

import numpy as np
import pytest

from tutorial_vae import adaptation
from tutorial_vae.adaptation.pretraining import KINDS
from tutorial_vae_book.ch13_transferability.field_explorer import FIELD, FieldExplorer
from tutorial_vae_book.ch13_transferability.tasks import TASKS
from tutorial_vae_book.ranking import mean_over_groups

BOXES = {box["name"]: SimpleNamespace(**box) for group in FIELD for box in group["boxes"]}
SEEDS, FRACTIONS = (0.0, 1.0), (5.0, 30.0, 100.0)
SHIFTS = ("a", "b", "c")
TARGETS = ("greek", "mnist")
ORDER = {"supervised": 0.9, "contrastive": 0.7, "generative": 0.6, "none": 0.4}


def rows():
    """Runs whose kinds of pre-training stand in one order on every task."""
    random = np.random.default_rng(0)
    found = []

    def add(task, pretraining, method, fraction, setting, seed, **values):
        run = {
            "task": task, "pretraining": pretraining, "method": method, "fraction": fraction,
            "setting": setting, "seed": seed,
        }  # fmt: skip
        found.extend(run | {"measure": name, "value": value} for name, value in values.items())

    for seed in SEEDS:
        for task in TASKS:
            starts = [("supervised", method) for method in adaptation.FINE_TUNING]
            starts += [(kind, m) for kind in KINDS[1:] for m in ("linear-probe", "fine-tuning")]
            for kind, method in [*starts, ("none", "fine-tuning")]:
                for fraction in FRACTIONS:
                    if kind in KINDS[1:] and fraction == 30:
                        continue  # kinds are compared at the ends
                    value = ORDER[kind] - 0.1 * (fraction == 5) + random.uniform(-0.01, 0.01)
                    after = {"source_accuracy": 0.5, "source_accuracy_before": 0.75}
                    extra = after if kind == "supervised" else {}
                    add(task, kind, method, fraction, "lr=1", seed, accuracy=value, **extra)
        for task in SHIFTS:
            for method in adaptation.DOMAIN_ADAPTATION:
                for setting, gain in (("good", 0.1), ("bad", 0.0)):
                    value = 0.5 + gain * (method == "mcc") + random.uniform(-0.01, 0.01)
                    add(
                        task, "supervised", method, 0.0, setting, seed,
                        accuracy=value, source_accuracy=0.9, source_accuracy_before=0.95,
                    )  # fmt: skip
    return found


def ranking_rows():
    """Scores of which LogME ranks as the accuracies do and the H-score the other way round."""
    found = []
    for seed in SEEDS:
        for place, source in enumerate(("near", "far", "further")):
            for target in TARGETS:
                run = {"target": target, "source": source, "pretraining": "supervised"}
                measured = {
                    "fine-tuning": 0.9 - place / 10, "linear-probe": 0.5, "logme": -place,
                    "h_score": place, "leep": -place, "nce": -1.0 - place, "knn_accuracy": 0.5,
                    "label_cka": 0.5,
                }  # fmt: skip
                rows = [run | {"seed": seed, "measure": n, "value": v} for n, v in measured.items()]
                # Another kind of pre-training does not take part.
                found += rows + [row | {"pretraining": "generative", "value": 7.0} for row in rows]
    return found


@pytest.fixture(scope="module")
def results():
    groups = FieldExplorer(rows(), ranking_rows()).data["groups"]
    return {box["name"]: box["result"] for group in groups for box in group["boxes"]}


def accuracy(fraction, task, method="fine-tuning", pretraining="supervised"):
    return [
        row["value"]
        for row in rows()
        if (row["task"], row["method"], row["pretraining"], row["fraction"], row["measure"])
        == (task, method, pretraining, fraction, "accuracy")
    ]


def said(estimate):
    mean, low, high = (f"{value:+.1f}".replace("-", "−") for value in estimate)
    return f"{mean} points ({low} to {high})"


def test_every_method_and_kind_of_the_package_has_a_box_and_every_box_a_place():
    assert {*KINDS, *adaptation.FINE_TUNING, *adaptation.DOMAIN_ADAPTATION} <= set(BOXES)
    for box in BOXES.values():
        module, _, name = box.place.rpartition(".")
        assert hasattr(importlib.import_module(module), name), box.name
        assert box.says.endswith(".")
    for methods in (adaptation.FINE_TUNING, adaptation.DOMAIN_ADAPTATION):
        for name, method in methods.items():
            assert BOXES[name].place.endswith(f".{method.__name__}")


def test_a_method_is_compared_with_plain_fine_tuning_task_by_task(results):
    for fraction, part in ((5.0, 1), (100.0, 2)):
        gains = np.array(
            [
                100 * np.mean(np.subtract(accuracy(fraction, t, "bss"), accuracy(fraction, t)))
                for t in TASKS
            ]
        )
        assert said(mean_over_groups(gains)) in results["bss"]["sentence"][part]
        mark = results["bss"]["marks"][part - 1]
        assert [name for name, _ in mark["dots"]] == list(TASKS)
        np.testing.assert_allclose([v for _, v in mark["dots"]], gains, atol=1e-3)
    assert results["bss"]["sentence"][2].endswith(
        f"Means over {len(TASKS)} tasks with 95\u00a0% intervals."
    )


def test_pre_training_and_plain_fine_tuning_are_compared_with_scratch(results):
    for name in ("fine-tuning", "supervised", "label-efficiency"):
        assert results[name]["marks"][0]["mean"] == pytest.approx(50, abs=1)
    assert results["generative"]["marks"][0]["mean"] == pytest.approx(20, abs=1)
    labels = [mark["label"] for mark in results["contrastive"]["marks"]]
    assert labels == [
        "fine-tuned with 5\u00a0% of the labels",
        "fine-tuned with 100\u00a0% of the labels",
        "as a probe with 5\u00a0% of the labels",
    ]
    # Of many shares of labels the sentence says the ends, the drawing all.
    assert len(results["label-efficiency"]["marks"]) == 3
    assert "with 100\u00a0%" in "".join(results["label-efficiency"]["sentence"])


def test_domain_adaptation_is_judged_by_the_setting_that_was_best_elsewhere(results):
    mcc = results["mcc"]
    assert mcc["marks"][0]["mean"] == pytest.approx(10, abs=1)
    assert mcc["marks"][1]["mean"] == 0
    assert mcc["sentence"][2].endswith("Better on the target of 3 of 3 tasks.")
    assert results["source-only"]["marks"][0]["mean"] == pytest.approx(-40, abs=1.5)


def test_forgetting_and_negative_transfer_are_counted(results):
    assert [mark["mean"] for mark in results["forgetting"]["marks"]] == [-25, -25, -25]
    negative = results["negative-transfer"]
    # Three shares of labels after supervision, two after the other kinds.
    assert [len(mark["dots"]) for mark in negative["marks"]] == [n * len(TASKS) for n in (3, 2, 2)]
    assert f"Of {7 * len(TASKS)} combinations" in negative["sentence"][2]
    assert "0 ended below scratch." in negative["sentence"][2]
    assert negative["marks"][0]["interval"] is None


def test_scores_are_ranked_against_what_came_of_them(results):
    assert results["logme"]["sentence"][1] == "1.00 (1.00 to 1.00)"
    assert results["h_score"]["marks"][0]["mean"] == -1
    assert results["label_cka"]["marks"][0]["mean"] == 0  # it finds all of them equal
    assert results["logme"]["sentence"][2].endswith("Its favourite ends 0.0 points below the best.")
    assert results["h_score"]["sentence"][2].endswith("ends 20.0 points below the best.")
    assert results["leep"]["sentence"][0].endswith("ranking up to 3 sources: ")
    assert results["nce"]["marks"][0]["dots"] == [["greek", 1.0], ["mnist", 1.0]]


def test_what_is_not_measured_is_said_to_be():
    explorer = FieldExplorer([], [])
    results = [box["result"] for group in explorer.data["groups"] for box in group["boxes"]]
    assert {result["sentence"][1] for result in results} == {"Not measured in these tables."}
    one = [row for row in rows() if row["task"] == "latin to greek" and row["fraction"] == 5]
    box = FieldExplorer(one, []).data["groups"][1]["boxes"][1]
    assert box["result"]["marks"][0]["interval"] is None


def test_choices_and_columns_are_checked():
    assert FieldExplorer([], [], box="").box == ""
    with pytest.raises(ValueError, match=r"box must be one of , supervised, .* got 'magic'"):
        FieldExplorer([], [], box="magic")
    with pytest.raises(ValueError, match="ranking_rows lack the columns measure, target"):
        FieldExplorer([], [{"source": "a", "pretraining": "none", "seed": 0, "value": 1.0}])


@pytest.fixture
def opened(open_explorer):
    return open_explorer(FieldExplorer(rows(), ranking_rows()))


@pytest.mark.browser
def test_a_box_opens_and_closes_with_the_keyboard(opened, reading):
    first = opened.get_by_role("button", name="Fine-tuning")
    assert first.get_attribute("aria-expanded") == "true"
    button = opened.get_by_role("button", name="DELTA")
    button.press("Enter")
    assert button.get_attribute("aria-expanded") == "true"
    assert first.get_attribute("aria-expanded") == "false"
    panel = opened.locator(f"#{button.get_attribute('aria-controls')}")
    assert panel.get_by_role("heading").inner_text() == "DELTA"
    assert "tutorial_vae.adaptation.DELTA" in panel.inner_text()
    assert reading(opened).startswith("Accuracy, beside plain fine-tuning: ")
    button.press("Enter")
    assert button.get_attribute("aria-expanded") == "false"
    assert not panel.get_by_role("heading").is_visible()
    assert reading(opened).startswith("Open a box: ")


@pytest.mark.browser
def test_boxes_follow_each_other_in_the_order_of_the_field(opened):
    titles = [box.title for box in BOXES.values()]
    assert opened.locator("button.tvae-box").all_inner_texts() == titles
    opened.get_by_role("button", name="Supervised").focus()
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.textContent") == "Generative"


@pytest.mark.browser
def test_the_panel_lies_below_the_map_or_below_its_button(opened):
    panel, button = opened.locator(".tvae-open"), opened.get_by_role("button", name="DELTA")
    button.click()
    assert panel.bounding_box()["y"] > opened.get_by_role("button", name="MCC").bounding_box()["y"]
    opened.set_viewport_size({"width": 360, "height": 900})
    opened.wait_for_function(
        "() => document.querySelector('.tvae-open').previousElementSibling.ariaExpanded === 'true'"
    )
    assert panel.bounding_box()["y"] < opened.get_by_role("button", name="BSS").bounding_box()["y"]


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 1000])
def test_every_formula_is_drawn_and_fits(opened, width):
    opened.set_viewport_size({"width": width, "height": 900})
    for box in BOXES.values():
        button = opened.get_by_role("button", name=box.title, exact=True)
        if button.get_attribute("aria-expanded") == "false":
            button.click()
        formulas = opened.locator(".tvae-formula math")
        assert formulas.count() == len(box.formula)
        assert opened.locator(".tvae-formula").evaluate("e => e.scrollWidth <= e.clientWidth"), box
        text = "".join(formulas.all_text_contents())
        assert not set("\\{}_") & set(text), box


@pytest.mark.browser
def test_formulas_have_their_structure(opened):
    opened.get_by_role("button", name="L2-SP").click()
    formula = opened.locator(".tvae-formula math")
    assert (
        formula.locator("mfrac").first.inner_html()
        == "<mrow><mi>α</mi></mrow><mrow><mn>2</mn></mrow>"
    )
    assert formula.locator("msub").first.inner_html() == "<mi>w</mi><mn>0</mn>"
    opened.get_by_role("button", name="BSS").click()
    assert formula.locator("munderover").count() == 1
    assert formula.locator("msubsup").count() == 1


@pytest.mark.browser
def test_the_drawing_says_every_task(opened):
    said = opened.locator(".tvae-open svg[role=img]").get_attribute("aria-label")
    assert said.startswith("Points of accuracy, mean and one dot a task: with 5")
    assert all(said.count(task) == 2 for task in TASKS)
