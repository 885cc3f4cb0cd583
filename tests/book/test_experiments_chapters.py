"""The experiments behind the chapters measure what the chapters show; here with two steps a run."""

import inspect
import json
import sys
from typing import Any

import pytest
import torch
from sklearn.ensemble import RandomForestClassifier

from tutorial_vae import VAE
from tutorial_vae.data import load_images
from tutorial_vae_book.ch00_quick_tour.experiment import quick_tour
from tutorial_vae_book.ch01_latent_variable_models.experiment import latent_variable_models
from tutorial_vae_book.ch03_kl_divergence.experiment import kl_divergence
from tutorial_vae_book.ch05_training_a_vae.experiment import training_a_vae
from tutorial_vae_book.ch06_latent_space.experiment import (
    coarse_factors,
    latent_space,
    random_rotation,
)
from tutorial_vae_book.ch07_what_vaes_are_for.experiment import what_vaes_are_for
from tutorial_vae_book.ch09_inside_a_vae.inside_a_vae import inside_a_vae
from tutorial_vae_book.ch10_generic_encoders.experiment import generic_encoders
from tutorial_vae_book.experiments import EXPERIMENTS

STUDIES = ("beta", "prior path", "image path", "factors")


def module_of(name: str) -> Any:
    """Return the module that defines the experiment NAME."""
    return sys.modules[inspect.unwrap(EXPERIMENTS[name].run).__module__]


def train_two_steps(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let the experiment NAME train every model for two steps on 64 images."""
    module = module_of(name)
    whole = module.fit

    def short(model: Any, images: Any, **options: Any) -> Any:
        return whole(model, images[:64], **{**options, "steps": 2})

    monkeypatch.setattr(module, "fit", short)


def test_quick_tour_measures_what_the_chapter_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    train_two_steps(monkeypatch, "quick_tour")
    rows = quick_tour(0)
    elbos = [row["name"] for row in rows if row["measure"] == "elbo"]
    assert len(elbos) == len(set(elbos)) == 4
    cka = [row for row in rows if row["measure"] == "cka"]
    assert len(cka) == 3 * 13
    assert all(-0.2 < row["value"] <= 1 for row in cka)
    made = json.dumps(rows)
    assert json.loads(made) == rows


def test_latent_variable_models_measures_what_the_chapter_shows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train_two_steps(monkeypatch, "latent_variable_models")
    rows = latent_variable_models(0)
    measured = {tuple(row[name] for name in list(row)[1:-1]) for row in rows}
    assert len(measured) == len(rows) == 2 * (4 + 3 + 2 * (4 + 3 + 3))
    assert all(0 <= row["value"] <= 10 for row in rows)


def test_kl_divergence_measures_what_the_chapter_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    train_two_steps(monkeypatch, "kl_divergence")
    rows = kl_divergence(0)
    assert len(rows) == 9 * (4 + 2 * 16)
    nats = [row["value"] for row in rows if row["measure"] == "dimension_kl"]
    assert all(
        nats[i : i + 16] == sorted(nats[i : i + 16], reverse=True) for i in range(0, 144, 16)
    )
    totals = [row["value"] for row in rows if row["measure"] == "kl"]
    assert totals == pytest.approx([sum(nats[i : i + 16]) for i in range(0, 144, 16)], rel=1e-4)


def test_training_a_vae_measures_what_the_chapter_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    train_two_steps(monkeypatch, "training_a_vae")
    rows = training_a_vae(0)
    assert len({(row["run"], row["measure"]) for row in rows}) == len(rows)
    runs: dict[str, dict[str, float]] = {}
    for row in rows:
        runs.setdefault(row["run"], {})[row["measure"]] = row["value"]
    assert len(runs) == 16
    for measured in runs.values():
        assert measured["diverged"] == 0
        assert measured["elbo"] == pytest.approx(
            measured["log_likelihood"] - measured["kl"], abs=1e-3
        )
    # Two steps after the start, pixels still have about even odds.
    assert runs["healthy"]["told"] == pytest.approx(-177, abs=15)
    assert -2 < runs["mean, not sum"]["told"] < -0.6


def test_a_run_that_diverges_leaves_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["tutorial_vae_book.ch05_training_a_vae.experiment"]

    def diverge(*_: Any, **__: Any) -> None:
        raise module.DivergenceError("training diverged at step 1")

    monkeypatch.setattr(module, "fit", diverge)
    rows = training_a_vae(0)
    assert [row["measure"] for row in rows] == ["diverged"] * 16
    assert all(row["value"] == 1 for row in rows)


def test_what_vaes_are_for_measures_what_the_chapter_shows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train_two_steps(monkeypatch, "what_vaes_are_for")
    rows = what_vaes_are_for(0)
    measured = {tuple(row[name] for name in list(row)[1:-1]): row["value"] for row in rows}
    assert len(measured) == len(rows)
    uses = {row["use"] for row in rows}
    assert uses == {"generation", "anomalies", "another set", "rate", "code length", "probe"} | {
        "clustering"
    }
    bits = {"bits_per_pixel": 20.0, "training_bits_per_pixel": 20.0}
    bounds = {"variety": 10.0, "rate": 100.0, **bits}
    assert all(-0.2 <= row["value"] <= bounds.get(row["measure"], 1.0) for row in rows)
    # PCA has no seed and no β: what is asked of it again must come out the same.
    for model in ("PCA", "pixels"):
        probes = ("probe", "digits", "1437", "knn", model)
        found = {
            v for key, v in measured.items() if (key[0], key[1], str(key[3]), *key[4:]) == probes
        }
        assert len(found) == 1
    # Two steps after the start a network hardly does better than even odds for every pixel.
    code = "code length", "digits, black and white", 1.0, "", "bits_per_pixel"
    assert 0.6 < measured[*code, "VAE"] < 1.01
    assert measured[*code, "pixels alone"] == pytest.approx(0.533, abs=0.001)


def test_latent_space_measures_what_the_chapter_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    train_two_steps(monkeypatch, "latent_space")
    module = sys.modules["tutorial_vae_book.ch06_latent_space.experiment"]
    monkeypatch.setattr(module, "FORESTS", 200)
    monkeypatch.setattr(module, "TURNS", 1)
    # A forest of ten trees takes a tenth of the time, and its scores are not looked at.
    monkeypatch.setattr(
        "tutorial_vae.evaluation.disentanglement._trees",
        lambda _, seed: RandomForestClassifier(10, max_features=None, random_state=seed),
    )
    rows = latent_space(0)
    studies = {study: [row for row in rows if row["study"] == study] for study in STUDIES}
    models, paths, factors = 7 + 2, 5 + 4, 8
    assert len(studies["beta"]) == models * 11 + 3
    assert sum(len(studies[study]) for study in STUDIES[1:3]) == 2 * (paths * 4 - 2)
    assert len(studies["factors"]) == factors * (5 + 2 * 5)
    assert len({tuple(row.values())[1:-1] for row in rows}) == len(rows)
    known = {row["subject"]: row["value"] for row in rows if row["measure"] == "mig"}
    assert known["noise"] < 0.01
    assert known["the factors themselves"] > 0.98


def test_a_random_rotation_keeps_lengths_and_angles() -> None:
    rotation = random_rotation(6, seed=3)
    assert torch.allclose(rotation @ rotation.T, torch.eye(6, dtype=torch.float64))
    assert not torch.allclose(rotation, random_rotation(6, seed=4))


def test_coarse_factors_have_the_values_that_they_name() -> None:
    sprites = load_images("dsprites", "test", size=8, limit=3000)
    assert (coarse_factors(sprites).amax(dim=0) + 1).tolist() == [3, 6, 10, 8, 8]
    with pytest.raises(ValueError, match="sprites must have factors"):
        coarse_factors(load_images("digits", "test", size=8, limit=5))


def test_inside_a_vae_lets_all_decoders_read_the_same_codes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def trained(images: str, seed: int, *, step: int = 2000) -> VAE:
        """A stand-in whose encoder is another one at every step, and its decoder from 30 on."""
        torch.manual_seed(step)
        model = VAE((1, 32, 32))
        torch.manual_seed(min(step, 30))
        model.decoder = VAE((1, 32, 32)).decoder
        return model

    module = sys.modules["tutorial_vae_book.ch09_inside_a_vae.inside_a_vae"]
    monkeypatch.setattr(module, "trained", trained)
    monkeypatch.setattr(
        module, "grey_images", lambda *_, **__: load_images("digits", "test", limit=40)
    )
    rows = inside_a_vae("mnist", 0)
    assert len(rows) == 7 * 6
    assert [row["layer"] for row in rows[:2]] == ["decoder.dense1", "decoder.dense2"]
    for row in rows:
        agrees = row["value"] == pytest.approx(1)
        assert agrees == (row["step"] >= 30)


def test_generic_encoders_never_compares_models_of_one_seed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded = []

    def trained(images: str, seed: int) -> VAE:
        loaded.append((images, seed))
        torch.manual_seed(seed)
        return VAE((1, 32, 32))

    module = sys.modules["tutorial_vae_book.ch10_generic_encoders.experiment"]
    monkeypatch.setattr(module, "trained", trained)
    monkeypatch.setattr(module, "IMAGE_SETS", ("dsprites", "mnist", "solids"))
    monkeypatch.setattr(
        module, "grey_images", lambda *_, **__: load_images("digits", "test", limit=40)
    )
    rows = generic_encoders("mnist", 2)
    assert loaded == [("mnist", 2), ("dsprites", 0), ("solids", 0)]
    assert [row["source"] for row in rows] == ["dsprites"] * 13 + ["solids"] * 13
    assert all(-1 <= row["value"] < 1 for row in rows)
