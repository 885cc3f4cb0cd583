"""The uses explorer: what it takes, and its counts in a real browser against scikit-learn's."""

import re
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, roc_auc_score, roc_curve

from tutorial_vae.evaluation import Quality
from tutorial_vae_book.ch07_what_vaes_are_for.uses_explorer import (
    Compression,
    Detection,
    Generation,
    Grouping,
    LabelCurves,
    UsesExplorer,
)
from tutorial_vae_book.results import Summary

N = 60
SCORES = ("VAE, squared error", "VAE, minus the ELBO", "PCA, squared error")
CHARTS = ".tvae-uses svg.tvae-chart"


def parts():
    """Arguments of an explorer whose numbers mean nothing."""
    random = np.random.default_rng(0)
    labels = [str(label) for label in random.integers(0, 4, N)]
    models = ("VAE", "PCA")
    temperatures, weights, counts = [0.5, 1.0, 2.0], [4.0, 1.0, 0.25], [2, 3, 4, 5]
    # Rounded, so that some scores tie.
    odd = random.integers(0, 5, N) == 0
    scores = {
        name: np.round(random.normal(odd * shift, 1, N), 1) for shift, name in enumerate(SCORES)
    }
    return {
        "pictures": random.random((N, 4, 4)),
        "labels": labels,
        "generation": Generation(
            temperatures,
            pictures={name: random.random((3, 5, 6, 6)) for name in models},
            quality={name: [Quality(*random.random(3)) for _ in temperatures] for name in models},
            real=Quality(0.05, 0.75, 3.9),
        ),
        "anomalies": {"odd ones": Detection(scores, odd), "others": Detection(scores, ~odd)},
        "compression": Compression(
            weights,
            rates=[2.0, 6.5, 11.25],
            originals=random.random((5, 6, 6)),
            pictures={name: random.random((3, 5, 6, 6)) for name in models},
            errors={"VAE": [0.03, 0.012, 0.008], "PCA": [0.028, 0.015, 0.01]},
            curve=np.array([[0.0, 0.05], [6.0, 0.02], [12.0, 0.01]]),
        ),
        "classification": {
            name: LabelCurves(
                [20, 100, 500],
                {
                    model: [Summary(mean, mean - 0.1, mean + 0.1, 5) for mean in means]
                    for model, means in values.items()
                },
            )
            for name, values in {
                "written": {"VAE": (0.5, 0.7, 0.8), "pixels": (0.4, 0.72, 0.9)},
                "printed": {"VAE": (0.3, 0.4, 0.5), "pixels": (0.2, 0.3, 0.45)},
            }.items()
        },
        "clustering": Grouping(
            counts,
            {
                name: np.stack([random.integers(0, count, N) for count in counts])
                for name in ("VAE", "PCA", "pixels")
            },
        ),
    }


def explorer(**changed):
    return UsesExplorer(**{**parts(), **changed})


def test_it_starts_at_the_usual_settings_and_names_its_uses():
    made = explorer()
    assert (made.use, made.temperature, made.weight) == ("generation", 1.0, 1.0)
    assert (made.false_alarms, made.label_count, made.group_count) == (5, 100, 4)
    assert (made.anomaly, made.data_set) == ("odd ones", "written")
    assert repr(made) == (
        "UsesExplorer(generation, anomaly detection, compression, classification, clustering)"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("use", "cooking"),
        ("temperature", 3.0),
        ("anomaly", "nothing"),
        ("false_alarms", 51),
        ("weight", 7.0),
        ("data_set", "spoken"),
        ("label_count", 21),
        ("group_count", 9),
    ],
)
def test_what_is_set_must_be_one_of_the_choices(name, value):
    made = explorer()
    before = getattr(made, name)
    with pytest.raises(ValueError, match=rf"{name} must be one of .*, got '?{value}"):
        setattr(made, name, value)
    assert getattr(made, name) == before


@pytest.mark.parametrize(
    ("part", "changes", "message"),
    [
        ("generation", {"temperatures": [1.0]}, "temperatures must hold at least 2 values"),
        ("generation", {"quality": {"VAE": []}}, "pictures is of VAE, PCA, but quality of VAE"),
        ("generation", {"pictures": {}, "quality": {}}, "pictures is empty"),
        ("compression", {"rates": [1.0]}, "rates holds 1 values, but weights 3"),
        ("compression", {"originals": np.zeros((4, 6, 6))}, r"originals has the shape \(4, 6, 6\)"),
        ("compression", {"curve": np.zeros(3)}, r"curve must have the shape \(points, 2\)"),
        ("clustering", {"counts": [2, 3, 4, 4]}, "must number its groups from 0 to the count"),
        ("clustering", {"groups": {"VAE": np.zeros((2, N))}}, "holds 2 values, but counts 4"),
    ],
)
def test_measurements_that_do_not_go_together_are_errors(part, changes, message):
    with pytest.raises(ValueError, match=message):
        replace(parts()[part], **changes)


def test_scores_must_be_finite_and_of_two_kinds_of_pictures():
    odd = np.arange(4) < 2
    with pytest.raises(ValueError, match="some of the pictures, and not all"):
        Detection({"a": np.zeros(4)}, odd | True)
    with pytest.raises(ValueError, match=r"scores\['a'\] must be finite"):
        Detection({"a": np.array([0, 1, np.nan, 2])}, odd)
    with pytest.raises(ValueError, match=r"scores\['a'\] has the shape \(4, 1\)"):
        Detection({"a": np.zeros((4, 1))}, odd)


def test_parts_of_other_pictures_are_errors():
    given = parts()
    with pytest.raises(ValueError, match=r"\(60, 4, 4\) with 59 labels"):
        explorer(labels=given["labels"][1:])
    with pytest.raises(ValueError, match=r"anomalies\['a'\] is of 4 pictures, but there are 60"):
        explorer(anomalies={"a": Detection({"b": np.arange(4)}, np.arange(4) < 1)})
    with pytest.raises(ValueError, match=r"groups\['VAE'\] is of 2 pictures"):
        explorer(clustering=Grouping([1, 2], {"VAE": np.zeros((2, 2), int)}))
    with pytest.raises(ValueError, match="anomalies is empty"):
        explorer(anomalies={})
    other = LabelCurves([1, 2], {"VAE": [Summary(0.5, 0.4, 0.6, 5)] * 2})
    with pytest.raises(ValueError, match=r"classification\['b'\] has other numbers of labels"):
        explorer(classification={**given["classification"], "b": other})


@pytest.fixture
def opened(open_explorer):
    return open_explorer(explorer())


def choose(page, use):
    page.get_by_label("what for").select_option(use)
    return page.locator("p[role=status][aria-live=polite]")


def numbers(text):
    return [float(n.replace("\u2212", "-")) for n in re.findall(r"[\u2212]?\d+(?:\.\d+)?", text)]


@pytest.mark.browser
def test_each_use_shows_its_own_controls(opened):
    visible = {
        "generation": ["temperature of the draws"],
        "anomaly detection": ["anomalies", "false alarms allowed"],
        "compression": ["weight of the KL, β"],
        "classification": ["images", "labels"],
        "clustering": ["clusters"],
    }
    for use, names in visible.items():
        choose(opened, use)
        shown = opened.locator(".tvae-field:visible label").all_inner_texts()
        assert [name.lower() for name in shown] == ["what for", *(name.lower() for name in names)]


@pytest.mark.browser
def test_what_is_caught_and_the_areas_are_those_of_scikit_learn(opened):
    reading = choose(opened, "anomaly detection")
    for name, detection in parts()["anomalies"].items():
        opened.get_by_label("anomalies", exact=True).select_option(name)
        for alarms in (0, 5, 17, 50):
            opened.get_by_label("false alarms allowed").fill(str(alarms))
            told = reading.inner_text().partition("caught: ")[2]
            for (score, values), text in zip(
                detection.scores.items(), told.split("; "), strict=False
            ):
                false, true, _ = roc_curve(detection.anomalous, values, drop_intermediate=False)
                caught = true[false <= alarms / 100 + 1e-9].max()
                assert text.startswith(score)
                assert numbers(text.removeprefix(score))[0] == pytest.approx(100 * caught, abs=0.51)
        headings = opened.locator(".tvae-scores .tvae-heading").all_inner_texts()
        for (score, values), heading in zip(detection.scores.items(), headings, strict=True):
            area = roc_auc_score(detection.anomalous, values)
            assert heading.startswith(score)
            assert numbers(heading)[-1] == pytest.approx(area, abs=0.0051)


@pytest.mark.browser
def test_the_pictures_around_the_threshold_are_marked_when_they_are_anomalies(opened):
    choose(opened, "anomaly detection")
    detection = parts()["anomalies"]["odd ones"]
    scores = detection.scores[SCORES[1]]
    normal = np.sort(scores[~detection.anomalous])[::-1]
    opened.get_by_label("false alarms allowed").fill("20")
    threshold = normal[int(0.2 * len(normal) + 1e-9)]
    flagged = np.flatnonzero(scores > threshold)
    nearest = flagged[np.argsort(scores[flagged], kind="stable")][:5]
    strip = opened.locator(".tvae-scores > div").nth(1).locator(".tvae-near").nth(1)
    marks = strip.locator(".tvae-under span").all_inner_texts()
    assert [bool(mark) for mark in marks] == detection.anomalous[nearest].tolist()
    said = strip.get_by_role("img").get_attribute("aria-label")
    assert numbers(said) == [5, detection.anomalous[nearest].sum()]


@pytest.mark.browser
def test_the_agreement_of_clusters_is_that_of_scikit_learn(opened):
    reading = choose(opened, "clustering")
    given = parts()
    for step, count in enumerate(given["clustering"].counts):
        opened.get_by_label("clusters", exact=True).fill(str(step))
        right = [
            adjusted_rand_score(given["labels"], groups[step])
            for groups in given["clustering"].groups.values()
        ]
        assert numbers(reading.inner_text())[0] == count
        assert numbers(reading.inner_text())[1:] == pytest.approx(right, abs=0.0051)
    cluster = opened.locator(".tvae-clusters").first
    groups = given["clustering"].groups["VAE"][-1]
    assert cluster.get_by_role("img").count() == 5
    said = " ".join(i.get_attribute("aria-label") for i in cluster.get_by_role("img").all())
    sizes = [int(n) for n in re.findall(r"Mean of (\d+)", said)]
    assert sorted(sizes) == sorted(np.bincount(groups))


@pytest.mark.browser
def test_the_readings_tell_the_numbers_of_the_other_uses(opened):
    reading = choose(opened, "generation")
    opened.get_by_label("temperature of the draws").fill("2")
    vae = parts()["generation"].quality["VAE"][2]
    told = numbers(reading.inner_text())
    assert told[0] == 2
    assert told[1] == pytest.approx(100 * vae.far, abs=0.51)
    assert told[2:4] == pytest.approx([vae.confidence, vae.variety], abs=0.051)

    reading = choose(opened, "compression")
    text = reading.inner_text()
    bits = 6.5 / np.log(2) / 36
    assert numbers(text)[:3] == pytest.approx([1, 6.5, bits], abs=6e-4)
    assert numbers(text)[3:5] == [0.012, 0.015]
    assert text.replace("\u00a0", " ").endswith("VAE is 20 % lower.")

    reading = choose(opened, "classification")
    assert "VAE 70\u00a0%, pixels 72\u00a0%. Highest: pixels." in reading.inner_text()
    opened.get_by_label("images", exact=True).select_option("printed")
    opened.get_by_label("labels", exact=True).fill("0")
    assert "VAE 30\u00a0%, pixels 20\u00a0%. Highest: VAE." in reading.inner_text()


@pytest.mark.browser
def test_sliders_move_with_the_keyboard_and_keep_their_place(opened):
    choose(opened, "anomaly detection")
    slider = opened.get_by_label("false alarms allowed")
    slider.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "6\u00a0%"
    choose(opened, "compression")
    weight = opened.get_by_label("weight of the KL, β")
    weight.press("ArrowRight")
    assert weight.get_attribute("aria-valuetext") == "0.25"
    choose(opened, "anomaly detection")
    assert slider.get_attribute("aria-valuetext") == "6\u00a0%"


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 1280])
def test_every_use_fits_and_has_words(opened, width):
    opened.set_viewport_size({"width": width, "height": 900})
    for use in explorer().data["choices"]["use"]["values"]:
        choose(opened, use)
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        for drawing in opened.locator(f"{CHARTS}, .tvae-uses canvas").all():
            assert len(drawing.get_attribute("aria-label")) > 10
        for control in opened.locator(".tvae-explorer :is(select, input):visible").all():
            assert control.bounding_box()["height"] >= 40
            assert control.get_attribute("data-lm-suppress-shortcuts") == "true"
