"""The cards of chapter 12, with fresh networks for trained models and digits for images."""

import sys
from collections.abc import Iterator

import pytest
import torch

from tutorial_vae import VAE, assess, load_images
from tutorial_vae.transfer import assessment
from tutorial_vae.transfer.target import Target
from tutorial_vae_book.ch12_will_it_help.reliability import cards
from tutorial_vae_book.ch12_will_it_help.transfer_scores import transfer_scores
from tutorial_vae_book.experiments import EXPERIMENTS

module = sys.modules["tutorial_vae_book.ch12_will_it_help.transfer_card"]
images_of = sys.modules["tutorial_vae_book.ch11_what_to_retrain.experiment"]


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def trained(images: str, seed: int) -> VAE:
        torch.manual_seed(seed)
        return VAE((1, 16, 16), 3, architecture="mlp")

    def grey_images(name: str, split: str = "train", *, limit: int = 120):
        return load_images("digits", split, size=16, limit=min(limit, 120))

    real = VAE
    monkeypatch.setattr(module, "VAE", lambda shape: real(shape, 3, architecture="mlp"))
    monkeypatch.setattr(module, "trained", trained)
    monkeypatch.setattr(images_of, "grey_images", grey_images)
    monkeypatch.setattr(assessment, "STEPS", 2)
    for cached in (images_of._all_images, module._compared):
        cached.cache_clear()
    yield
    for cached in (images_of._all_images, module._compared):
        cached.cache_clear()


def test_the_grid_holds_the_pairs_of_the_scores() -> None:
    scored = sys.modules[transfer_scores.__module__]
    assert [run for run in scored.GRID if run["source"] != scored.CONTROLS] == module.GRID


def test_the_table_gives_back_the_evidence_of_the_card(
    stand_ins: None, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = EXPERIMENTS["transfer_card"].run(source="dsprites", target="mnist", seed=1)
    assert {(row["target"], row["source"], row["seed"]) for row in rows} == {
        ("mnist", "dsprites", 1)
    }
    lines = [",".join(rows[0]), *(",".join(str(value) for value in row.values()) for row in rows)]
    (tmp_path / "transfer_card.csv").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setattr("tutorial_vae_book.results.FOLDER", tmp_path)
    images, _ = images_of.target_images("mnist", images_of.SIZE, 1)
    card = assess(module.trained("dsprites", 1), images, seed=1, progress=False)
    [(key, found)] = cards().items()
    assert key == ("mnist", "dsprites", 1)
    expected = card.evidence
    for name in ("images", "held_out", "classes"):
        assert getattr(found, name) == getattr(expected, name)
    for name in ("gain", "inverted_gain", "encoder_lead"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-5)
    assert found.leads == expected.leads


def test_neither_comparison_model_begins_where_a_source_of_the_same_seed_did(
    stand_ins: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assessment, "STEPS", 1)
    images, _ = images_of.target_images("mnist", images_of.SIZE, 1)
    source = module.trained("dsprites", 1)  # fresh: this is its start
    target = Target(images, components=source.latent_dim, seed=1)
    compared = assessment.comparison_models(source, target, progress=False)
    starts = [model.encoder.mean.weight for model in (source, *compared.values())]
    for one in range(3):
        for other in range(one):
            # One step of Adam moves no weight by more than 0.002.
            assert (starts[one] - starts[other]).abs().mean() > 0.01
