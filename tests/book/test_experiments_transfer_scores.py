"""The scores of chapter 12, with models that stand in for trained ones and digits for images."""

import sys
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from tutorial_vae import VAE, load_images
from tutorial_vae import transfer as package
from tutorial_vae.evaluation import encode_images
from tutorial_vae_book.ch12_will_it_help.transfer_scores import transfer_scores

module = sys.modules["tutorial_vae_book.ch12_will_it_help.transfer_scores"]
images_of = sys.modules["tutorial_vae_book.ch11_what_to_retrain.experiment"]
OF_FEATURES = ["logme", "logme_with_constant", "h_score", "label_cka", "knn_accuracy", "probe_cka"]
OF_MODELS = [*OF_FEATURES, "encoder_probe_cka", "squared_error_share", "active_units"]
CACHES = (images_of._all_images, module._probe_model, module._source_classifier)


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fresh networks in place of trained ones, digits in place of every set, 2 steps of probing."""

    def trained(images: str, seed: int) -> VAE:
        torch.manual_seed(len(images) + seed)
        return VAE((1, 32, 32), 4)

    def grey_images(name: str, split: str = "train", *, limit: int = 200):
        return load_images("digits", split, limit=min(limit, 200))

    monkeypatch.setattr(module, "trained", trained)
    monkeypatch.setattr(images_of, "grey_images", grey_images)
    monkeypatch.setattr(module, "_PROBE_STEPS", 2)
    for cached in CACHES:
        cached.cache_clear()
    yield
    for cached in CACHES:
        cached.cache_clear()


def scores(rows: list[dict], source: str) -> dict[str, float]:
    return {row["score"]: row["value"] for row in rows if row["source"] == source}


def test_the_grid_holds_every_pair_and_the_controls() -> None:
    pairs = {(run["target"], run["source"]) for run in module.GRID if run["seed"] == 0}
    transferred = {
        (run["target"], run["source"]) for run in images_of.GRID if run["source"] != "none"
    }
    assert pairs == transferred | {(target, "controls") for target in images_of.TARGETS}
    assert len(module.GRID) == 126


def test_scores_are_those_of_the_source_s_latents_on_the_target(stand_ins: None) -> None:
    rows = transfer_scores("dsprites", "mnist", 1)
    assert all(list(row) == ["target", "source", "seed", "score", "value"] for row in rows)
    assert {(row["target"], row["source"], row["seed"]) for row in rows} == {
        ("mnist", "dsprites", 1)
    }
    found = scores(rows, "dsprites")
    assert list(found) == [*OF_MODELS, "leep", "nce"]
    images, _ = images_of.target_images("mnist", 1000, 1)
    model = module.trained("dsprites", 1)
    means = encode_images(model, images).mean
    for name in ("logme", "h_score", "label_cka", "knn_accuracy"):
        assert found[name] == getattr(package, name)(means, images.labels)
    x = images.images.float() / 255
    error, spread = (model.reconstruct(x) - x).square().mean(), (x - x.mean(dim=0)).square().mean()
    assert found["squared_error_share"] == pytest.approx((error / spread).item(), rel=1e-4)
    probabilities = module._source_classifier("dsprites", 1).predict_proba(means.numpy())
    assert found["leep"] == package.leep(probabilities, images.labels)
    assert found["nce"] == package.nce(probabilities.argmax(axis=1), images.labels)


def test_a_constant_feature_is_the_intercept_that_centred_features_lack(stand_ins: None) -> None:
    images, _ = images_of.target_images("mnist", 1000, 0)
    noise = np.random.default_rng(0).normal(size=(len(images), 3))
    found = module._scores_of_features(noise - noise.mean(axis=0), images, "mnist", 0)
    # With ten classes an intercept says that one image in ten has the class; 0 is wrong for it.
    assert found["logme_with_constant"] > found["logme"] + 0.01


def test_controls_have_the_scores_that_apply_to_them(stand_ins: None) -> None:
    rows = transfer_scores("controls", "mnist", 0)
    found = {source: scores(rows, source) for source in ("untrained", "pca", "pixels")}
    assert len(rows) == sum(map(len, found.values()))
    assert list(found["untrained"]) == OF_MODELS
    assert list(found["pca"]) == [*OF_FEATURES, "squared_error_share"]
    assert list(found["pixels"]) == [name for name in OF_FEATURES if name != "h_score"]
    # Principal components explain some of the variance, a fresh network none; pixels tell digits.
    assert 0 < found["pca"]["squared_error_share"] < 1 <= found["untrained"]["squared_error_share"]
    assert found["pixels"]["knn_accuracy"] > 0.8 > found["untrained"]["knn_accuracy"]


def test_the_probe_model_agrees_with_itself_and_shares_no_start_with_a_source(
    stand_ins: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "trained", module._probe_model)
    rows = transfer_scores("mnist", "mnist", 0)
    found = scores(rows, "mnist")
    assert found["probe_cka"] == pytest.approx(1)
    assert found["encoder_probe_cka"] == pytest.approx(1)
    torch.manual_seed(0)  # the start of every source of this seed
    start = VAE((1, 32, 32)).encoder.mean.weight
    assert (module._probe_model("mnist", 0).encoder.mean.weight - start).abs().mean() > 0.01


def test_the_source_s_classifier_reads_the_source_s_own_labels(stand_ins: None) -> None:
    images, _ = images_of.target_images("glyphs-latin", 2000, 0)
    means = encode_images(module.trained("glyphs-latin", 0), images).mean.numpy()
    classifier = module._source_classifier("glyphs-latin", 0)
    assert (classifier.predict(means) == images.labels.numpy()).mean() > 0.3
