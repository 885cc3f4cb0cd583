"""The experiments behind the chapters measure what the chapters show; here with two steps a run."""

import json
import sys
from typing import Any

import pytest
import torch

from tutorial_vae import VAE
from tutorial_vae.data import load_images
from tutorial_vae.experiments import (
    generic_encoders,
    inside_a_vae,
    kl_divergence,
    latent_variable_models,
    quick_tour,
)


def train_two_steps(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let the experiment NAME train every model for two steps on 64 images."""
    module = sys.modules[f"tutorial_vae.experiments.{name}"]
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

    module = sys.modules["tutorial_vae.experiments.inside_a_vae"]
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

    module = sys.modules["tutorial_vae.experiments.generic_encoders"]
    monkeypatch.setattr(module, "trained", trained)
    monkeypatch.setattr(module, "IMAGE_SETS", ("dsprites", "mnist", "solids"))
    monkeypatch.setattr(
        module, "grey_images", lambda *_, **__: load_images("digits", "test", limit=40)
    )
    rows = generic_encoders("mnist", 2)
    assert loaded == [("mnist", 2), ("dsprites", 0), ("solids", 0)]
    assert [row["source"] for row in rows] == ["dsprites"] * 13 + ["solids"] * 13
    assert all(-1 <= row["value"] < 1 for row in rows)
