"""The path explorer: what travels in its state, and the same numbers in a real browser."""

import itertools

import numpy as np
import pytest
from scipy.stats import kendalltau, rankdata

from tutorial_vae.architecture import front
from tutorial_vae.explorer import unpack
from tutorial_vae_book.ch14_architecture_and_weights.path_explorer import PathExplorer

SOURCE, LETTERS, SCENES = "glyphs-latin", "glyphs-typefaces", "scenes"
PATHS = ["-".join(path) for path in itertools.product("012", repeat=3)]
SEEDS = (0.0, 1.0, 2.0)
COST = {"0": 3.0, "1": 7.0, "2": 1.0}


def cost(path):
    return 1e5 * sum(COST[choice] * (stage + 1) for stage, choice in enumerate(path.split("-")))


def tables():
    """All runs of the three tables, each score drawn at random and rounded, so that some tie."""
    random = np.random.default_rng(0)
    sources, shared, alone = [], [], []

    def score(low, path):
        worth = sum(choice != "2" for choice in path.split("-")) / 20
        return float(np.round(low + worth + random.uniform(0, 0.1), 2))

    for seed, path in itertools.product(SEEDS, PATHS):
        run = {"path": path, "seed": seed}
        begun = run | {"task": SOURCE, "start": "inherit"}
        sources.append(begun | {"measure": "multiply_adds", "value": cost(path)})
        for measure in ("validation", "test"):
            sources.append(begun | {"measure": measure, "value": score(0.6, path)})
            for task, start in itertools.product((LETTERS, SCENES), ("inherit", "fresh")):
                kind = {"task": task, "start": start, "measure": measure}
                shared.append(run | kind | {"value": score(0.3, path)})
            for task, weights, searched in (
                (SOURCE, "1-1-1", 0.0), (LETTERS, "1-1-1", 0.0), (SCENES, "1-1-1", 0.0),
                (LETTERS, "0-0-0", 0.0), (SCENES, "0-0-0", 0.0),
                # Of a winner the explorer reads nothing.
                (LETTERS, "0-0-0", 1.0), (LETTERS, "0-1-2", 1.0),
            ):  # fmt: skip
                kind = {"task": task, "weights": weights, "searched": searched, "measure": measure}
                alone.append(run | kind | {"value": 9.0 if searched else score(0.5, path)})
    return sources, shared, alone


def scores(table, **wanted):
    """Scores of (paths, seeds)."""
    rows = [row for row in table if all(row[name] == value for name, value in wanted.items())]
    found = {(row["path"], row["seed"]): row["value"] for row in rows}
    return np.array([[found[path, seed] for seed in SEEDS] for path in PATHS])


def shared_scores(task=LETTERS, start="inherit"):
    sources, shared, _ = tables()
    return scores(sources + shared, task=task, start=start, measure="validation")


def alone_scores(task=LETTERS, weights="1-1-1"):
    return scores(tables()[2], task=task, weights=weights, searched=0.0, measure="test")


def shown(values, path):
    """A path's score and its rank, as they are read out."""
    rank = rankdata(-values.round(9), method="min")[PATHS.index(path)]
    return f"{100 * values[PATHS.index(path)]:.1f} %, rank {rank:.0f} of 27"


def test_scores_travel_from_the_rows_that_a_search_reads_and_is_judged_by():
    data = PathExplorer(*tables()).data
    assert data["candidates"] == ["3×3", "5×5", "skip"]
    assert data["choices"]["path"]["values"] == PATHS
    np.testing.assert_allclose(unpack(data["costs"]), [cost(path) for path in PATHS])
    assert data["choices"]["task"]["values"] == [SOURCE, LETTERS, SCENES]
    assert data["source"] == SOURCE
    assert data["measures"] == ["accuracy", "accuracy", "mean average precision"]
    shared, alone = (unpack(data["scores"][kind]) for kind in ("shared", "alone"))
    np.testing.assert_allclose(shared[0, 0], shared_scores(SOURCE), atol=1e-6)
    np.testing.assert_allclose(shared[2, 1], shared_scores(SCENES, "fresh"), atol=1e-6)
    np.testing.assert_allclose(alone[1, 1], alone_scores(), atol=1e-6)
    np.testing.assert_allclose(alone[1, 0], alone_scores(weights="0-0-0"), atol=1e-6)
    assert np.isnan(shared[0, 1]).all()
    assert np.isnan(alone[0, 0]).all()


def test_choices_are_checked_and_may_be_set():
    explorer = PathExplorer(*tables())
    assert (explorer.task, explorer.path, explorer.seed) == (SOURCE, "0-0-0", None)
    explorer.path, explorer.seed, explorer.shared = "0-2-1", 2, "fresh"
    with pytest.raises(ValueError, match=r"path must be one of 0-0-0, .* got '0-3-0'"):
        explorer.path = "0-3-0"
    with pytest.raises(ValueError, match=r"task must be one of .* got 'digits'"):
        PathExplorer(*tables(), task="digits")
    with pytest.raises(ValueError, match="seed must be one of 0, 1, 2, None, got 7"):
        PathExplorer(*tables(), seed=7)


def test_what_cannot_be_shown_is_named():
    sources, shared, alone = tables()
    with pytest.raises(ValueError, match="sources_rows must hold at least one measurement"):
        PathExplorer([], shared, alone)
    with pytest.raises(ValueError, match="shared_rows lack the columns start"):
        PathExplorer(sources, alone, alone)
    with pytest.raises(ValueError, match=r"^rows lack the columns searched, weights"):
        PathExplorer(sources, shared, shared)
    with pytest.raises(ValueError, match="rows name the paths 0-7-0, but paths are from 0-0-0 to"):
        PathExplorer(sources, shared, [alone[0] | {"path": "0-7-0"}])


@pytest.fixture
def opened(open_explorer):
    return open_explorer(PathExplorer(*tables(), task=LETTERS))


@pytest.fixture
def read(opened, reading):
    """A function that returns what the page reads out, with plain spaces."""
    return lambda: reading(opened).replace("\u00a0", " ")


@pytest.mark.browser
def test_the_reading_holds_the_scores_ranks_and_agreement_of_the_rows(opened, read):
    for stage, name in enumerate(("5×5", "skip", "3×3"), start=1):
        opened.get_by_label(f"stage {stage}", exact=True).select_option(name)
    shared, alone = shared_scores(), alone_scores()
    taus = [kendalltau(shared[:, seed], alone[:, seed]).statistic for seed in range(3)]
    spread = f"{np.mean(taus):.2f}", f"({min(taus):.2f} to {max(taus):.2f})"
    path = "1-2-0"
    points = [
        (value, cost(each)) for value, each in zip(alone.mean(1).round(9), PATHS, strict=True)
    ]
    on_front = "" if PATHS.index(path) in front(points) else "not "
    assert read() == (
        f"5×5, skip, 3×3 on {LETTERS}, mean of 3 seeds: shared weights "
        f"{shown(shared.mean(1), path)}; by itself {shown(alone.mean(1), path)}. "
        f"{cost(path) / 1e6:.2f} million multiply-adds, {on_front}on the Pareto front. "
        f"Kendall’s τ over the paths: {spread[0]}, mean of 3 seeds {spread[1]}."
    )
    opened.get_by_label("scores").select_option("seed 1")
    assert f"shared weights {shown(shared[:, 1], path)}; by" in read()
    assert f"{taus[1]:.2f} for seed 1; mean of 3 seeds: {' '.join(spread)}." in read()


@pytest.mark.browser
def test_the_front_is_that_of_the_package(opened, read):
    alone = alone_scores()[:, 0]
    opened.get_by_label("scores").select_option("seed 0")
    points = [(value, cost(path)) for value, path in zip(alone, PATHS, strict=True)]
    expected = {PATHS[index] for index in front(points)}
    found = set()
    for path in PATHS:
        for stage, choice in enumerate(path.split("-"), start=1):
            opened.get_by_label(f"stage {stage}", exact=True).select_option(value=choice)
        if "not on the Pareto front" not in read():
            found.add(path)
    assert found == expected
    # What is chosen has its own mark.
    marks = opened.locator(".tvae-scatter .tvae-front").count()
    assert marks == len(expected - {PATHS[-1]})


@pytest.mark.browser
def test_the_starts_choose_what_is_drawn_and_the_table_keeps_all(opened, read):
    opened.get_by_label("shared weights start from").select_option("fresh ones")
    opened.get_by_label("path by itself starts from").select_option("the source’s")
    shared, alone = shared_scores(start="fresh").mean(1), alone_scores(weights="0-0-0").mean(1)
    assert f"shared weights {shown(shared, '0-0-0')}; by itself {shown(alone, '0-0-0')}." in read()
    rows = opened.locator("tbody tr")
    assert rows.count() == 4
    assert rows.locator("th").all_inner_texts() == [
        "shared, from the source’s", "shared, from fresh ones",
        "by itself, from the source’s", "by itself, from fresh ones",
    ]  # fmt: skip
    assert opened.locator(".tvae-drawn th").all_inner_texts() == [
        "shared, from fresh ones", "by itself, from the source’s",
    ]  # fmt: skip
    seeds = 100 * alone_scores(weights="0-0-0")[0]
    assert f"({seeds.min():.1f} to {seeds.max():.1f})" in rows.nth(2).inner_text()


@pytest.mark.browser
def test_the_source_has_one_start_of_each(opened, read):
    opened.get_by_label("path by itself starts from").select_option("the source’s")
    opened.get_by_label("task").select_option(f"{SOURCE}, the source")
    assert opened.locator("tbody tr").count() == 2
    assert opened.get_by_label("shared weights start from").is_disabled()
    assert opened.get_by_label("path by itself starts from").is_disabled()
    assert f"by itself {shown(alone_scores(SOURCE).mean(1), '0-0-0')}." in read()
    opened.get_by_label("task").select_option(SCENES)
    assert opened.get_by_label("path by itself starts from").input_value() == "inherit"
    assert opened.get_by_role("heading").inner_text() == "Mean average precision of 27 paths"


@pytest.mark.browser
def test_blocks_and_marks_may_be_clicked(opened):
    opened.locator("[data-stage='2'][data-choice='1']").click()
    assert opened.get_by_label("stage 3", exact=True).input_value() == "1"
    opened.locator("[data-path='2-2-2']").click()
    assert [opened.get_by_label(f"stage {n}", exact=True).input_value() for n in (1, 2, 3)] == [
        "2"
    ] * 3
    network, scatter = opened.locator(".tvae-explorer svg[role=img]").all()
    assert network.get_attribute("aria-label").endswith(
        "The chosen path takes skip in stage 1, skip in stage 2, skip in stage 3."
    )
    assert scatter.get_attribute("aria-label").startswith("Scatter plot of 27 paths: ")


@pytest.mark.browser
def test_a_whole_table_fits_a_telephone(opened):
    opened.set_viewport_size({"width": 360, "height": 900})
    opened.wait_for_function("() => document.documentElement.scrollWidth <= 360")


@pytest.mark.browser
def test_what_is_not_measured_is_said_to_be(open_explorer, reading):
    sources, _, alone = tables()
    few = [row for row in alone if row["path"] == "0-0-0"]
    opened = open_explorer(PathExplorer(sources, [], few, task=LETTERS))
    assert "shared weights not measured; by itself" in reading(opened)
    assert reading(opened).endswith("Kendall’s τ over the paths: not defined.")
    opened.get_by_label("task").select_option(f"{SOURCE}, the source")
    opened.get_by_label("stage 1", exact=True).select_option("skip")
    assert "by itself not measured." in reading(opened)
