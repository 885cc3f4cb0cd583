"""The experiments on similarity and stitching, with models that stand in for trained ones."""

from collections import Counter

import pytest
import torch

from tutorial_vae import VAE, load_images
from tutorial_vae_book import experiments
from tutorial_vae_book import trained_models as models
from tutorial_vae_book.ch09_inside_a_vae import similarity

LAYERS = VAE((1, 32, 32)).layer_names


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fresh networks in place of trained ones, and 40 digits in place of every set."""

    def trained(images: str, seed: int, *, objective: str = "beta=1", step: int = 2000) -> VAE:
        torch.manual_seed(hash((images, seed, objective)) % 2**31)
        return VAE((1, 32, 32))

    monkeypatch.setattr(similarity, "trained", trained)
    monkeypatch.setattr(similarity, "IMAGE_SETS", ("dsprites", "mnist"))
    monkeypatch.setattr(
        similarity, "grey_images", lambda *_, **__: load_images("digits", "test", limit=40)
    )


def test_every_source_is_compared_layer_by_layer(stand_ins: None) -> None:
    rows = similarity.similarity("mnist", 0)
    counts = Counter(row["source"] for row in rows)
    assert counts == {"dsprites": 13, "mnist": 13, "untrained": 13, "pixels": 1}
    for row in rows:
        assert list(row) == ["target", "seed", "source", "layer", *LAYERS]
        assert all(-1 <= row[layer] <= 1 for layer in LAYERS)


def test_the_last_step_agrees_with_itself(stand_ins: None) -> None:
    rows = similarity.similarity_while_training("mnist", 0)
    assert len(rows) == len(models.STEPS) * len(LAYERS)
    # The stand-ins are the same at every step.
    assert all(row["value"] == pytest.approx(1) for row in rows)


def test_objectives_meet_the_next_seed(stand_ins: None) -> None:
    rows = similarity.similarity_of_objectives("mnist", 2)
    assert len(rows) == len(models.OBJECTIVES) ** 2 * len(LAYERS)
    assert max(row["value"] for row in rows) < 1


def test_stitching_measures_both_ways_and_two_controls(
    stand_ins: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained(images: str, seed: int) -> VAE:
        digits = load_images("digits", limit=300)
        torch.manual_seed(len(images) + seed)
        model = VAE((1, 32, 32), 4, architecture="mlp")
        similarity_fit(model, digits, steps=60, lr=3e-3, progress=False)
        return model

    from tutorial_vae import fit as similarity_fit

    monkeypatch.setattr(similarity, "trained", trained)
    rows = similarity.stitching("mnist", 0)
    assert [(row["source"], row["kind"]) for row in rows] == [
        ("dsprites", "foreign encoder"),
        ("dsprites", "foreign decoder"),
        ("dsprites", "pca of source"),
        ("mnist", "foreign encoder"),
        ("mnist", "foreign decoder"),
        ("mnist", "pca of source"),
        ("untrained", "foreign encoder"),
        ("pca", "foreign encoder"),
    ]
    assert all(row["value"] <= 1.1 for row in rows)


def test_a_model_is_trained_kept_on_the_way_and_measured(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUTORIAL_VAE_DATA", str(tmp_path))
    monkeypatch.setattr(models, "STEPS", (0, 1, 3))
    monkeypatch.setattr(
        models, "grey_images", lambda name, split="train", limit=64: load_images(name, limit=64)
    )
    left_over = models.model_path("digits", "tc=4", 0, "training")
    left_over.parent.mkdir(parents=True)
    left_over.write_bytes(b"what a killed run leaves behind")
    for objective in ("beta=0", "tc=4"):
        rows = models.models("digits", objective, 0)
        assert len(rows) == 3 * 4
        kept = sorted(models.model_path("digits", objective, 0, 0).parent.glob(f"*{objective}*"))
        assert len(kept) == 3
    first, last = (models.trained("digits", 0, objective="tc=4", step=step) for step in (0, 3))
    torch.manual_seed(0)
    fresh = VAE((1, 32, 32))
    assert torch.equal(first.encoder.mean.weight, fresh.encoder.mean.weight)
    assert not torch.equal(first.encoder.mean.weight, last.encoder.mean.weight)
    assert experiments.working_folder("models", models.models) in kept[0].parents


def test_objectives_have_the_names_that_the_table_gives_them() -> None:
    from tutorial_vae.objectives import Autoencoder, BetaTCVAE, BetaVAE

    kinds = {name: models._objective(name, 100) for name in models.OBJECTIVES}
    assert isinstance(kinds["beta=0"], Autoencoder)
    assert isinstance(kinds["beta=0.25"], BetaVAE)
    assert kinds["beta=4"].beta == 4
    assert isinstance(kinds["tc=4"], BetaTCVAE)


def test_pictures_in_the_data_folder_stand_for_cifar10(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    monkeypatch.setenv("TUTORIAL_VAE_DATA", str(tmp_path))
    for kind in ("frog", "ship"):
        (tmp_path / "cifar10-pictures" / kind).mkdir(parents=True)
        for i in range(6):
            picture = Image.new("RGB", (32, 32), (10 * i, 100, 40))
            picture.save(tmp_path / "cifar10-pictures" / kind / f"{i}.png")
    images = models.grey_images("cifar10")
    assert images.image_shape == (1, 32, 32)
    assert images.class_names == ("frog", "ship")
