"""The experiments of chapter 14, on a few steps, and what their grids are made of."""

import sys
from collections import Counter
from pathlib import Path

import pytest
import torch

from tutorial_vae.architecture import SuperNetwork
from tutorial_vae_book.ch14_architecture_and_weights.architecture_tasks import (
    SOURCE,
    TARGETS,
    images_of,
    network_on,
    score,
    train,
)
from tutorial_vae_book.experiments import EXPERIMENTS

# The module, which the function of the same name hides.
import tutorial_vae_book.ch14_architecture_and_weights.architecture  # noqa: F401  isort: skip

architecture = sys.modules["tutorial_vae_book.ch14_architecture_and_weights.architecture"]


def test_the_grid_holds_every_path_alone_and_every_choice_of_weights() -> None:
    runs = EXPERIMENTS["architecture"].grid
    counts = Counter((run["task"], run["path"] == "winner", run["seed"]) for run in runs)
    for seed in range(3):
        assert counts[SOURCE, False, seed] == 27
        for task in TARGETS:
            assert counts[task, False, seed] == 2 * 27
            assert counts[task, True, seed] == 27
    assert len(runs) == sum(counts.values())
    assert len({tuple(run.values()) for run in runs}) == len(runs)
    assert EXPERIMENTS["architecture"].after == "architecture_shared"
    assert EXPERIMENTS["architecture_shared"].after == "architecture_sources"
    adapted = EXPERIMENTS["architecture_adapted"]
    assert len({tuple(run.values()) for run in adapted.grid}) == len(adapted.grid) == 3 * 2 * 27
    assert adapted.after == "architecture_shared"
    more = EXPERIMENTS["architecture_more"]
    assert Counter((run["task"], run["seed"]) for run in more.grid) == {
        (task, seed): 27 for task in (SOURCE, *TARGETS) for seed in range(3, 10)
    }
    assert more.after == "architecture_more_shared"
    assert EXPERIMENTS["architecture_more_shared"].after == "architecture_more_sources"
    longer = EXPERIMENTS["architecture_longer"]
    assert len({tuple(run.values()) for run in longer.grid}) == len(longer.grid) == 3 * 3 * 27
    assert longer.after == "architecture_sources"


@pytest.mark.slow
@pytest.mark.parametrize("task", [SOURCE, *TARGETS])
def test_the_parts_of_a_task_share_no_image(task: str) -> None:
    parts = {part: images_of(task, part, 0).images for part in ("train", "validation", "test")}
    assert len(parts["train"]) == (5000 if task == SOURCE else 1000)
    assert (len(parts["validation"]), len(parts["test"])) == (
        400,
        400 if task == "scenes" else 1000,
    )
    digests = {
        part: {image.numpy().tobytes() for image in images} for part, images in parts.items()
    }
    assert not digests["train"] & digests["validation"]
    assert not digests["test"] & (digests["train"] | digests["validation"])
    assert torch.equal(images_of(task, "test", 1).images, parts["test"])
    assert not torch.equal(images_of(task, "train", 1).images, parts["train"])


@pytest.mark.slow
@pytest.mark.parametrize("task", TARGETS)
def test_training_helps_on_every_target(task: str) -> None:
    torch.manual_seed(0)
    network = network_on(SuperNetwork(images_of(task, "test", 0).image_shape), task)
    before = score(network, task, "validation", 0)
    train(network, task, 0, steps=60)
    assert score(network, task, "validation", 0) > before + 0.02


@pytest.mark.slow
def test_a_super_network_goes_from_the_source_to_its_winning_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUTORIAL_VAE_DATA", str(tmp_path))
    for name, steps in {
        "_SNAPSHOT_STEPS": 2, "_SOURCE_STEPS": 4, "_SHARED_STEPS": 2, "_STEPS": 2,
    }.items():  # fmt: skip
        monkeypatch.setattr(architecture, name, steps)
    task = "glyphs-typefaces"
    rows = architecture.architecture_sources(0)
    assert Counter(row["measure"] for row in rows) == dict.fromkeys(
        ("validation", "test", "multiply_adds"), 27
    )
    costs = {row["path"]: row["value"] for row in rows if row["measure"] == "multiply_adds"}
    # Skips cost nothing, and a 5×5 block more than a 3×3 one.
    assert costs["2-2-2"] < costs["0-2-2"] < costs["1-2-2"] < costs["1-1-1"]
    snapshot, last = (
        architecture._sources(task, 0).snapshots[0].state_dict(),
        architecture._sources(task, 0).inherited.state_dict(),
    )
    assert any(not torch.equal(snapshot[name], last[name]) for name in last)

    for start in ("inherit", "fresh"):
        rows = architecture.architecture_shared(task, start, 0)
        assert len(rows) == 2 * 27
        if start == "inherit":
            best = max(
                (row for row in rows if row["measure"] == "validation"), key=lambda r: r["value"]
            )
    rows = architecture.architecture(task, "winner", "0-1-2", 0)
    assert [row["path"] for row in rows] == [best["path"]] * 2
    assert all(row["searched"] == 1 and 0 <= row["value"] <= 1 for row in rows)
    again = architecture.architecture(task, str(best["path"]), "0-1-2", 0)
    assert [row["value"] for row in again] == [row["value"] for row in rows]

    # Without a step of its own, a path scores with adapted weights what it scored among them all.
    with monkeypatch.context() as untrained:
        untrained.setattr(architecture, "train", lambda *_, **__: None)
        rows = architecture.architecture_adapted(task, str(best["path"]), 0)
    assert rows[0]["value"] == best["value"]
    trained = architecture.architecture_adapted(task, str(best["path"]), 0)
    assert [row["value"] for row in trained] != [row["value"] for row in rows]

    # A longer training is the same training, gone on with.
    monkeypatch.setattr(architecture, "_LONGER_STEPS", {task: (2, 3)})
    rows = architecture.architecture("glyphs-typefaces", "0-2-1", "0-0-0", 0)
    longer = architecture.architecture_longer("glyphs-typefaces", "0-2-1", 0)
    assert [row["value"] for row in longer if row["steps"] == 2] == [row["value"] for row in rows]
    assert Counter(row["steps"] for row in longer) == {2: 2, 3: 2}
