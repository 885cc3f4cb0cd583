"""The benchmark of chapter 13, run whole in its short version, and what its grid is made of."""

import csv
import json
import sys
from collections import Counter
from pathlib import Path

import pytest

from tutorial_vae import adaptation
from tutorial_vae_book.ch13_transferability.tasks import SHIFTS, TASKS
from tutorial_vae_book.ch13_transferability.transferability import (
    FRACTIONS,
    SHIFT_TRIALS,
    TRIALS,
    setting_of,
)
from tutorial_vae_book.ch13_transferability.transferability_ranking import transferability_ranking
from tutorial_vae_book.ch13_transferability.transferability_sources import KINDS
from tutorial_vae_book.experiments import EXPERIMENTS, run_experiment

benchmark = sys.modules["tutorial_vae_book.ch13_transferability.transferability"]
sources = sys.modules["tutorial_vae_book.ch13_transferability.transferability_sources"]
FLOAT32 = {"precision": "32"}


def test_every_method_has_as_many_trials_as_every_other() -> None:
    assert set(TRIALS) == set(adaptation.FINE_TUNING)
    assert {len(trials) for trials in TRIALS.values()} == {3}
    assert set(SHIFT_TRIALS) == set(adaptation.DOMAIN_ADAPTATION)
    assert {len(trials) for trials in SHIFT_TRIALS.values()} == {3}
    for trials in (*TRIALS.values(), *SHIFT_TRIALS.values()):
        assert len({setting_of(trial) for trial in trials}) == len(trials)


def test_the_grid_crosses_tasks_methods_fractions_and_seeds() -> None:
    runs = EXPERIMENTS["transferability"].grid
    labelled = [run for run in runs if run["fraction"]]
    supervised = [run for run in labelled if run["pretraining"] == "supervised"]
    # Of the Korean alphabet the smallest share would be fewer images than characters.
    assert len(supervised) == (len(TASKS) * len(FRACTIONS) - 1) * len(TRIALS) * 3
    counts = Counter((run["task"], run["method"], run["fraction"]) for run in supervised)
    assert set(counts.values()) == {3}
    shifted = [run for run in runs if not run["fraction"]]
    assert len(shifted) == len(SHIFTS) * len(SHIFT_TRIALS) * 3 * 3
    sources = {
        (run["source"], run["pretraining"], run["seed"])
        for run in EXPERIMENTS["transferability_sources"].grid
    }
    for run in runs:
        source, _ = (TASKS if run["fraction"] else SHIFTS)[str(run["task"])]
        assert (source, run["pretraining"], run["seed"]) in sources


def train_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a third of the steps and two of the three trials, in float32.

    A processor without bfloat16 of its own takes ten times as long for it.
    """
    monkeypatch.setattr(sources, "_STEPS", 350)
    monkeypatch.setattr(benchmark, "_STEPS", 70)
    monkeypatch.setattr(benchmark, "_SHIFT_STEPS", 80)
    fewer = {method: trials[1:] for method, trials in TRIALS.items()}
    monkeypatch.setattr(benchmark, "TRIALS", fewer)
    for module, name in ((adaptation, "fine_tune"), (adaptation, "adapt"), (sources, "pretrain")):
        whole = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda *a, whole=whole, **options: whole(*a, **{**options, **FLOAT32})
        )


@pytest.mark.slow
def test_the_short_benchmark_runs_from_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUTORIAL_VAE_DATA", str(tmp_path / "data"))
    train_less(monkeypatch)
    path = run_experiment("transferability_short", folder=tmp_path, jobs=1, progress=False)
    record = json.loads((tmp_path / "transferability_short.json").read_text())
    assert record["failures"] == []
    with path.open() as file:
        rows = list(csv.DictReader(file))

    def values(measure: str, **wanted: str) -> dict[str, float]:
        return {
            row["method"]: float(row["value"])
            for row in rows
            if row["measure"] == measure and all(row[k] == v for k, v in wanted.items())
        }

    few, many = (values("accuracy", fraction=f, pretraining="supervised") for f in ("5", "100"))
    assert set(few) == set(many) == set(TRIALS)
    chance = 1 / 48
    for method in TRIALS:
        assert many[method] > few[method] > 3 * chance
    before, after = (
        values(measure, fraction="100", pretraining="supervised")
        for measure in ("source_accuracy_before", "source_accuracy")
    )
    # A frozen backbone forgets nothing, and fine-tuning something.
    assert after["linear-probe"] == before["linear-probe"]
    assert after["fine-tuning"] < before["fine-tuning"]
    assert values("accuracy", fraction="100", pretraining="none")["fine-tuning"] > 3 * chance
    kinds = {row["pretraining"] for row in rows if row["fraction"] == "5"}
    assert kinds == {*KINDS, "none"}
    shifted = [row for row in rows if row["fraction"] == "0" and row["measure"] == "accuracy"]
    assert Counter(row["method"] for row in shifted) == dict.fromkeys(SHIFT_TRIALS, 3)
    assert all(float(row["value"]) > 0.2 for row in shifted)
    # Which trial was chosen is told.
    chosen = {row["setting"] for row in rows if row["method"] == "l2-sp"}
    assert chosen <= {setting_of(trial) for trial in TRIALS["l2-sp"]}
    # And the backbones that it left are scored, and tried out, by the ranking.
    ranked = transferability_ranking("glyphs-greek", "glyphs-latin", "supervised", 0)
    measured = {row["measure"]: float(row["value"]) for row in ranked}
    scores = {"leep", "nce", "logme", "h_score", "label_cka", "knn_accuracy"}
    assert set(measured) == scores | {"linear-probe", "fine-tuning"}
    assert few["fine-tuning"] < measured["fine-tuning"] < many["fine-tuning"]
    assert measured["knn_accuracy"] > 3 * chance
    untrained = transferability_ranking("glyphs-greek", "glyphs-latin", "none", 0)
    assert {row["measure"] for row in untrained} == set(measured) - {"leep", "nce"}
