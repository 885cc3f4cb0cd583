"""What a model's latents say about labels it never saw: classification and clustering."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ..data import ImageSet
from ..estimates import Estimate
from ..models import VAE, fresh_copy
from .baselines import fit_pca, flat_pixels
from .passes import checked_images, encode_images

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

KINDS = ("linear", "knn")


class Probe(NamedTuple):
    """Shares of test images that a classifier names rightly, from four representations of them.

    ``latent`` are the model's posterior means; ``untrained`` those of the same network with fresh
    weights; ``pca`` has as many components as the model has latents; ``pixels`` are the images.
    """

    latent: Estimate
    untrained: Estimate
    pca: Estimate
    pixels: Estimate


class Clustering(NamedTuple):
    """Adjusted Rand index of k-means on four representations, as in :class:`Probe`."""

    latent: float
    untrained: float
    pca: float
    pixels: float


def probe(
    model: VAE,
    train: ImageSet,
    test: ImageSet,
    *,
    kind: str = "linear",
    unlabelled: ImageSet | Tensor | None = None,
    batch_size: int = 256,
    seed: int = 0,
    device: str | torch.device = "auto",
) -> Probe:
    """Train a simple classifier on frozen latents, and on what latents have to beat.

    Args:
        model: the model. Its weights, mode and device are left as they were.
        train: labelled images that the classifiers are fitted to.
        test: labelled images of the same classes that accuracies are measured on.
        kind: ``"linear"`` (logistic regression on standardised features) or ``"knn"`` (the 5
            nearest neighbours, features as they are).
        unlabelled: the images that PCA is fitted to, as a rule those that the model was trained on.
            Without them PCA is fitted to ``train``: with few labels that is too little for it.
        batch_size: images per pass.
        seed: source of the untrained weights and of PCA's randomised solver; the global random
            state is left as it was.
        device: ``"auto"`` (CUDA, else MPS, else CPU) or the name of a device.

    Returns:
        Accuracies with Wilson's interval over the test images.

    Raises:
        TypeError: ``train`` or ``test`` is not an image set.
        ValueError: a set has no labels, one class only, or other classes than the other set; or
            the images do not suit the model, or an argument is outside what is said above.

    Reference: Wilson 1927 for the interval.
    """
    labels = _checked_labels(kind, train, test)
    source = train if unlabelled is None else unlabelled
    seen, unseen = _representations(model, source, (train, test), batch_size, seed, device)
    return Probe(**{name: _accuracy(kind, seen[name], unseen[name], *labels) for name in seen})


def latent_accuracy(
    model: VAE,
    train: ImageSet,
    test: ImageSet,
    *,
    kind: str = "linear",
    batch_size: int = 256,
    device: str | torch.device = "auto",
) -> Estimate:
    """Train a simple classifier on frozen latents: the first number of :func:`probe` alone.

    Args:
        model: the model. Its weights, mode and device are left as they were.
        train: labelled images that the classifier is fitted to.
        test: labelled images of the same classes that its accuracy is measured on.
        kind: as in :func:`probe`.
        batch_size: images per pass.
        device: ``"auto"`` (CUDA, else MPS, else CPU) or the name of a device.

    Returns:
        The accuracy with Wilson's interval over the test images.

    Raises:
        TypeError: as :func:`probe` does.
        ValueError: as :func:`probe` does.
    """
    labels = _checked_labels(kind, train, test)
    seen, unseen = (
        encode_images(model, images, batch_size=batch_size, device=device).mean.numpy()
        for images in (train, test)
    )
    return _accuracy(kind, seen, unseen, *labels)


def clustering(
    model: VAE,
    images: ImageSet,
    *,
    batch_size: int = 256,
    seed: int = 0,
    device: str | torch.device = "auto",
) -> Clustering:
    """Compare clusters of frozen latents with the true classes, and what latents have to beat.

    k-means with as many clusters as there are classes among the images, the best of 10 starts. PCA
    and k-means are fitted to the images that are scored: neither sees a label.

    Args:
        model: the model. Its weights, mode and device are left as they were.
        images: labelled images.
        batch_size: images per pass.
        seed: source of the starts, the untrained weights and PCA's randomised solver; the global
            random state is left as it was.
        device: ``"auto"`` (CUDA, else MPS, else CPU) or the name of a device.

    Returns:
        Adjusted Rand indices: 1 is perfect, 0 is chance.

    Raises:
        TypeError: ``images`` is not an image set.
        ValueError: the set has no labels or one class only, the images do not suit the model, or
            an argument is outside what is said above.

    Reference: Hubert & Arabie 1985.
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.metrics import adjusted_rand_score

    labels = _labels(images, "images")
    means = KMeans(len(np.unique(labels)), n_init=10, random_state=seed)
    (representations,) = _representations(model, images, (images,), batch_size, seed, device)
    with warnings.catch_warnings():
        # A collapsed model gives fewer different codes than classes; its score says so.
        warnings.simplefilter("ignore", ConvergenceWarning)
        scores = {
            name: float(adjusted_rand_score(labels, means.fit_predict(features)))
            for name, features in representations.items()
        }
    return Clustering(**scores)


def _checked_labels(
    kind: str, train: ImageSet, test: ImageSet
) -> tuple[Int64[np.ndarray, " train"], Int64[np.ndarray, " test"]]:
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {KINDS}, not {kind!r}")
    labels = _labels(train, "train"), _labels(test, "test", fewest=1)
    if train.class_names != test.class_names:
        raise ValueError(
            f"train ({train.name!r}) and test ({test.name!r}) must have the same classes, not "
            f"{len(train.class_names)} and {len(test.class_names)} of other names or order"
        )
    return labels


def _accuracy(
    kind: str,
    train: Float[np.ndarray, "train features"],
    test: Float[np.ndarray, "test features"],
    train_labels: Int64[np.ndarray, " train"],
    test_labels: Int64[np.ndarray, " test"],
) -> Estimate:
    fitted = classifier(kind, len(train)).fit(train, train_labels)
    correct = int((fitted.predict(test) == test_labels).sum())
    return Estimate.of_share(correct, len(test))


def _labels(images: ImageSet, name: str, fewest: int = 2) -> Int64[np.ndarray, " n"]:
    if not isinstance(images, ImageSet):
        raise TypeError(
            f"{name} must be an ImageSet, which knows its labels, not {type(images).__name__}"
        )
    if images.labels is None:
        raise ValueError(
            f"{name}, the set {images.name!r}, has no labels: take a labelled one such as "
            "'digits', or 'folder:PATH' with a sub-folder for each class"
        )
    labels = images.labels.cpu().numpy()
    if len(np.unique(labels)) < fewest:
        raise ValueError(
            f"{name}, the set {images.name!r}, must hold images of at least {fewest} classes, not "
            f"{len(np.unique(labels))}: take more images, or shuffle before cutting the set"
        )
    return labels


def _representations(
    model: VAE,
    source: ImageSet | Tensor,
    sets: Sequence[ImageSet],
    batch_size: int,
    seed: int,
    device: str | torch.device,
) -> list[dict[str, Float[np.ndarray, "n _"]]]:
    """Represent each set in the four ways of :class:`Probe`, with PCA fitted to ``source``."""
    rows = [flat_pixels(checked_images(model, images, batch_size)) for images in sets]
    pca = fit_pca(flat_pixels(checked_images(model, source)), model.latent_dim, seed=seed)
    untrained = fresh_copy(model, seed=seed)

    def means(network: VAE, images: ImageSet) -> Float[np.ndarray, "n latent"]:
        return encode_images(network, images, batch_size=batch_size, device=device).mean.numpy()

    return [
        {
            "latent": means(model, images),
            "untrained": means(untrained, images),
            "pca": pca.transform(pixels),
            "pixels": pixels,
        }
        for images, pixels in zip(sets, rows, strict=True)
    ]


def classifier(kind: str, n: int) -> "Pipeline":
    """Return the classifier of a probe, not yet fitted.

    Args:
        kind: one of ``KINDS``.
        n: number of images that it will be fitted to.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if kind == "linear":
        # Scaled, because the penalty would weigh on the small outputs of an untrained network.
        return make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    # Not scaled: that would blow up latents that have collapsed to noise.
    return make_pipeline(KNeighborsClassifier(min(5, n)))
