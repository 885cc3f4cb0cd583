"""The experiment on transfer, with stand-ins for trained models and digits for all images."""

import math
from collections import Counter
from collections.abc import Iterator

import pytest
import torch

from tutorial_vae import PLANS, VAE, evaluate, load_images, retrain
from tutorial_vae.evaluation import latent_accuracy, probe
from tutorial_vae.models import fresh_copy
from tutorial_vae_book import trained_models as models
from tutorial_vae_book.ch11_what_to_retrain import experiment as transfer

OPTIONS = {"steps": 2, "batch_size": 32, "precision": "bf16", "progress": False}


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, int]]]:
    """Small fresh networks, 300 digits, two steps; holds which trained models were asked for."""
    asked = []

    def trained(images: str, seed: int) -> VAE:
        asked.append((images, seed))
        torch.manual_seed(50 + seed)
        return VAE((1, 16, 16), 3, architecture="mlp")

    def grey_images(name: str, split: str = "train", *, limit: int = 300):
        return load_images("digits", split, size=16, limit=min(limit, 300))

    monkeypatch.setattr(transfer, "trained", trained)
    monkeypatch.setattr(transfer, "grey_images", grey_images)
    monkeypatch.setattr(transfer, "STEPS", 2)
    transfer._all_images.cache_clear()
    yield asked
    transfer._all_images.cache_clear()


def test_the_grid_holds_every_plan_between_all_sets() -> None:
    everything = [*transfer.GRID, *transfer.GRID_OF_FEW, *transfer.GRID_OF_MANY]
    counts = Counter((run["target"], run["size"], run["seed"]) for run in everything)
    sources = len(models.IMAGE_SETS) - 1
    trained_plans = set(PLANS) - {"scratch", "new-ends"}
    assert set(counts.values()) == {2 + sources * len(trained_plans)}
    assert len(counts) == len(transfer.TARGETS) * 3 * len(models.SEEDS)
    assert "patches" not in transfer.TARGETS
    for run in everything:
        assert run["source"] != run["target"]
        assert (run["source"] == "none") == (run["plan"] in ("scratch", "baselines"))
    # The first third of the grid is the table of one seed.
    seeds = [run["seed"] for run in transfer.GRID]
    assert seeds == sorted(seeds)


def test_a_run_measures_what_retraining_gives(loaded: list[tuple[str, int]]) -> None:
    rows = transfer.transfer("dsprites", "mnist", "decoder", 100, 1)
    assert loaded == [("dsprites", 1)]
    settings = {"target": "mnist", "source": "dsprites", "plan": "decoder", "size": 100, "seed": 1}
    assert all(list(row) == [*settings, "measure", "value"] for row in rows)
    assert all(row.items() >= settings.items() for row in rows)
    train, unseen = transfer.target_images("mnist", 100, 1)
    result = retrain(transfer.trained("dsprites", 1), train, "decoder", seed=1, **OPTIONS)
    held_out = evaluate(result.model, unseen)
    assert {row["measure"]: row["value"] for row in rows} == {
        "elbo": held_out.elbo,
        "kl": held_out.kl,
        "accuracy": latent_accuracy(result.model, train, unseen).value,
    }


@pytest.mark.parametrize("plan", [name for name in PLANS if name != "new-ends"])
def test_every_plan_of_the_grid_runs(loaded: list[tuple[str, int]], plan: str) -> None:
    source = "none" if plan == "scratch" else "dsprites"
    rows = transfer.transfer(source, "mnist", plan, 40, 0)
    assert [row["measure"] for row in rows] == ["elbo", "kl", "accuracy"]
    assert all(math.isfinite(row["value"]) for row in rows)
    assert len(loaded) == (source != "none")


def test_baselines_are_those_of_the_probe_and_need_no_trained_model(
    loaded: list[tuple[str, int]],
) -> None:
    rows = transfer.transfer("none", "mnist", transfer.BASELINES, 100, 2)
    assert not loaded
    train, unseen = transfer.target_images("mnist", 100, 2)
    expected = probe(VAE((1, 16, 16)), train, unseen, seed=2)
    assert {row["plan"]: row["value"] for row in rows} == {
        "untrained": expected.untrained.value,
        "pca": expected.pca.value,
        "pixels": expected.pixels.value,
    }
    assert {row["measure"] for row in rows} == {"accuracy"}


def test_a_smaller_number_of_images_is_a_part_of_the_larger(loaded: list[tuple[str, int]]) -> None:
    few, unseen = transfer.target_images("mnist", 20, 0)
    many, same = transfer.target_images("mnist", 60, 0)
    assert (len(few), len(many)) == (20, 60)
    assert torch.equal(few.images, many.images[:20])
    assert torch.equal(unseen.images, same.images)
    other, _ = transfer.target_images("mnist", 60, 1)
    assert not torch.equal(many.images, other.images)


def test_fresh_weights_are_not_those_the_source_began_with(
    loaded: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = []

    def spied(*arguments, **options):
        kept.append(retrain(*arguments, **options))
        return kept[-1]

    monkeypatch.setattr(transfer, "retrain", spied)
    monkeypatch.setattr(transfer, "STEPS", 1)
    transfer.transfer("dsprites", "mnist", "encoder-reset", 40, 1)
    trained = kept[0].model
    start = fresh_copy(trained, seed=1)
    moved = (next(trained.encoder.parameters()) - next(start.encoder.parameters())).abs().mean()
    assert moved > 0.01  # one step of Adam moves no weight by more than 0.001
