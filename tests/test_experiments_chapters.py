"""The experiments behind the chapters measure what the chapters show; here with two steps a run."""

import json
import sys
from typing import Any

import pytest

from tutorial_vae.experiments import kl_divergence, latent_variable_models, quick_tour


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
