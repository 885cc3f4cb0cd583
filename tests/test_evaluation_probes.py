"""Probes and clusters, on images whose classes are easy, impossible or badly given."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import tutorial_vae as tv
from tutorial_vae.evaluation import clustering, encode_images, latent_accuracy, probe


def _blobs(n: int, *, seed: int = 0, noise: int = 60) -> tv.ImageSet:
    """Images of three classes, told apart by which third of the pixels is bright."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 3, (n,), generator=generator)
    images = torch.randint(0, noise, (n, 1, 6, 6), dtype=torch.uint8, generator=generator)
    for label in range(3):
        images[labels == label, :, 2 * label : 2 * label + 2] += 150
    return tv.ImageSet("blobs", images, labels, class_names=("a", "b", "c"))


def _pixel_model(weight: float = 1.0) -> tv.VAE:
    """A model whose three posterior means are the mean brightness of each third."""
    model = tv.VAE((1, 6, 6), 3, architecture="linear")
    thirds = torch.zeros(3, 6, 6)
    for index in range(3):
        thirds[index, 2 * index : 2 * index + 2] = weight / 12
    with torch.no_grad():
        model.encoder.mean.weight.copy_(thirds.flatten(1))
        model.encoder.mean.bias.zero_()
    return model


@pytest.mark.parametrize("kind", ["linear", "knn"])
def test_probe_of_a_perfect_code(kind: str) -> None:
    result = probe(_pixel_model(), _blobs(90), _blobs(60, seed=1), kind=kind)
    assert result.latent.value == result.pixels.value == result.pca.value == 1
    assert result.latent.high == pytest.approx(1)
    assert 0.93 < result.latent.low < 0.95


@pytest.mark.parametrize("kind", ["linear", "knn"])
def test_accuracy_of_latents_alone_is_that_of_the_probe(kind: str) -> None:
    train, test = _blobs(90, noise=255 - 150), _blobs(80, seed=1, noise=255 - 150)
    torch.manual_seed(0)
    model = tv.VAE((1, 6, 6), 2, architecture="mlp")
    assert (
        latent_accuracy(model, train, test, kind=kind)
        == probe(model, train, test, kind=kind).latent
    )
    with pytest.raises(ValueError, match="kind must be one of"):
        latent_accuracy(model, train, test, kind="svm")


def test_probe_fits_pca_to_the_unlabelled_images() -> None:
    unlabelled, few, test = _blobs(90), _blobs(6, seed=2), _blobs(200, seed=1)
    torch.manual_seed(0)
    model = tv.VAE((1, 6, 6), 2, architecture="mlp")
    alone, helped = (probe(model, few, test, unlabelled=u) for u in (None, unlabelled))
    pixels = [images.images.flatten(1).numpy() / 255 for images in (unlabelled, few, test)]
    pca = PCA(2, random_state=0).fit(pixels[0])
    by_hand = make_pipeline(StandardScaler(), LogisticRegression()).fit(
        pca.transform(pixels[1]), few.labels
    )
    assert helped.pca.value == by_hand.score(pca.transform(pixels[2]), test.labels)
    assert helped._replace(pca=alone.pca) == alone
    with pytest.raises(ValueError, match="the model was made for"):
        probe(model, few, test, unlabelled=torch.zeros(9, 1, 4, 4))


@pytest.mark.parametrize("kind", ["linear", "knn"])
def test_probe_of_a_collapsed_code_is_chance_and_the_baselines_show_it(kind: str) -> None:
    test = _blobs(200, seed=1)
    result = probe(_pixel_model(0.0), _blobs(90), test, kind=kind)
    assert result.latent.value == pytest.approx(1 / 3, abs=0.1)
    assert result.latent.low < result.latent.value < result.latent.high < result.untrained.value
    assert result.pixels.value == 1


def test_knn_probe_is_the_classifier_of_scikit_learn_on_each_representation() -> None:
    train, test = _blobs(90, noise=255 - 150), _blobs(80, seed=1, noise=255 - 150)
    train = tv.ImageSet(
        "noisy", train.images // 2, train.labels.roll(7), class_names=("a", "b", "c")
    )
    torch.manual_seed(5)
    model = tv.VAE((1, 6, 6), 2, architecture="mlp")
    result = probe(model, train, test, kind="knn")
    pixels = [part.images.flatten(1).numpy() / np.float32(255) for part in (train, test)]
    pca = PCA(2, random_state=0).fit(pixels[0])
    features = {
        "pixels": pixels,
        "pca": [pca.transform(part) for part in pixels],
        "latent": [encode_images(model, part).mean.numpy() for part in (train, test)],
    }
    for name, (seen, unseen) in features.items():
        score = KNeighborsClassifier(5).fit(seen, train.labels).score(unseen, test.labels)
        assert getattr(result, name).value == pytest.approx(score)


def test_probe_repeats_itself_and_leaves_model_and_random_state() -> None:
    model = _pixel_model()
    torch_state = torch.get_rng_state()
    numpy_state = np.random.get_state()[1].tolist()  # noqa: NPY002
    first = probe(model, _blobs(40), _blobs(30, seed=1))
    assert first == probe(model, _blobs(40), _blobs(30, seed=1), batch_size=7)
    assert clustering(model, _blobs(40)) == clustering(model, _blobs(40))
    assert torch.equal(torch_state, torch.get_rng_state())
    assert numpy_state == np.random.get_state()[1].tolist()  # noqa: NPY002
    assert model.training


def test_clustering_finds_the_classes_or_chance() -> None:
    images = _blobs(120)
    assert clustering(_pixel_model(), images) == pytest.approx((1, 1, 1, 1), abs=0.3)
    assert clustering(_pixel_model(), images).latent == 1
    collapsed = clustering(_pixel_model(0.0), images)
    assert collapsed.latent == 0
    assert collapsed.pixels == 1


def test_clustering_is_the_adjusted_rand_index_of_scikit_learn() -> None:
    images = _blobs(100)
    images = tv.ImageSet(
        "shuffled", images.images, images.labels.roll(1), class_names=("a", "b", "c")
    )
    pixels = images.images.flatten(1).numpy() / np.float32(255)
    clusters = KMeans(3, n_init=10, random_state=0).fit_predict(pixels)
    expected = adjusted_rand_score(images.labels, clusters)
    assert clustering(_pixel_model(), images).pixels == pytest.approx(expected)
    assert abs(expected) < 0.1


def _unlabelled() -> tv.ImageSet:
    return tv.ImageSet("patches", _blobs(10).images)


def _one_class() -> tv.ImageSet:
    blobs = _blobs(30)
    return blobs[blobs.labels == 1]


def _other_classes() -> tv.ImageSet:
    blobs = _blobs(30)
    return tv.ImageSet("letters", blobs.images, blobs.labels, class_names=("x", "y", "z"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: probe(m, _unlabelled(), _blobs(9)), "train, the set 'patches', has no labels"),
        (lambda m: probe(m, _blobs(9), _unlabelled()), "test, the set 'patches', has no labels"),
        (lambda m: clustering(m, _unlabelled()), "'patches', has no labels.*'digits'"),
        (lambda m: probe(m, _one_class(), _blobs(9)), "at least 2 classes, not 1"),
        (lambda m: clustering(m, _one_class()), "at least 2 classes, not 1"),
        (lambda m: probe(m, _blobs(9), _other_classes()), "same classes"),
        (lambda m: probe(m, _blobs(9), _blobs(9), kind="tree"), "kind"),
        (lambda m: probe(m, _blobs(9), _blobs(9), batch_size=0), "batch_size"),
        (lambda m: probe(m, _blobs(9), _blobs(9)[:0]), "test, the set 'blobs'"),
    ],
)
def test_bad_input_is_named(call: Callable, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(_pixel_model())


def test_probe_of_one_class_of_test_images_is_allowed() -> None:
    assert probe(_pixel_model(), _blobs(60), _one_class()).latent.value == 1
