"""Chapter 12: what every score says of a source before anything is retrained."""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from tutorial_vae.data import ImageSet
from tutorial_vae.evaluation import active_units, encode_images
from tutorial_vae.evaluation.baselines import fit_pca, flat_pixels, pca_squared_errors
from tutorial_vae.evaluation.passes import squared_errors
from tutorial_vae.evaluation.probes import classifier
from tutorial_vae.models import VAE, fresh_copy
from tutorial_vae.similarity import cka, compare_layers
from tutorial_vae.training import fit
from tutorial_vae.transfer import h_score, knn_accuracy, label_cka, leep, logme, nce

from ..ch11_what_to_retrain.experiment import TARGETS, target_images
from ..grid import Experiment, Settings
from ..table import Row
from ..trained_models import IMAGE_SETS, SEEDS, trained

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

CONTROLS = "controls"

_SIZE = 1000  # images of the target, the same ones as in the experiment `transfer`
_SOURCE_SIZE = 2000  # labelled images of the source that its classifier is fitted to
_PROBE_STEPS = 300
# Models of one seed have the start weights in common, whatever their set. These have their own,
# because similarity between networks that began alike is not of the images.
_SEED_OF_UNTRAINED = 1000
_SEED_OF_PROBE = 2000

GRID: list[Settings] = [
    {"target": target, "source": source, "seed": seed}
    for seed in SEEDS
    for target in TARGETS
    for source in (CONTROLS, *IMAGE_SETS)
    if source != target
]


def transfer_scores(source: str, target: str, seed: int) -> list[Row]:
    """Score a source's VAE on 1,000 labelled images of a target, without retraining it.

    Some scores compare with a probe model: a fresh VAE, trained for 300 steps on those images as
    the experiment ``transfer`` trains (Adam at 1e-3, batches of 32, bfloat16).

    Args:
        source: name of the set that the model was trained on, or ``"controls"``.
        target: name of the set that it would go to.
        seed: of the source's model, of the choice of images and of the probe model.

    Returns:
        Rows with the columns target, source, seed, score and value. Controls are sources of their
        own: ``"untrained"``, ``"pca"`` (ten components of those images) and ``"pixels"``. Scores,
        where higher should be better unless it is said otherwise:

        * ``leep`` and ``nce``, from a linear classifier of the source's classes that was fitted to
          latent means of 2,000 images of the source;
        * ``logme``, ``h_score``, ``label_cka`` and ``knn_accuracy`` of the latent means; pixels
          have no ``h_score``, as they are more than the images;
        * ``logme_with_constant``, with a feature added that is always 1: without it a linear model
          of centred features has no intercept, and pays for how frequent the classes are;
        * ``probe_cka``, debiased CKA of the latent means with those of the probe model, and
          ``encoder_probe_cka``, the mean of that over all encoder layers, each with its namesake;
        * ``squared_error_share``, the squared error of reconstructions over that of the mean image,
          where lower should be better;
        * ``active_units``, a count.
    """
    images, _ = target_images(target, _SIZE, seed)
    if source != CONTROLS:
        model = trained(source, seed)
        of_source = _scores_of_model(model, images, target, seed)
        of_source |= _scores_of_classifier(model, images, source, seed)
        return _rows(target, source, seed, of_source)
    untrained = fresh_copy(VAE(images.image_shape), seed=_SEED_OF_UNTRAINED + seed)
    pixels = flat_pixels(images.images)
    pca = fit_pca(pixels, untrained.latent_dim, seed=seed)
    of_pca = _scores_of_features(pca.transform(pixels), images, target, seed)
    of_pca["squared_error_share"] = _share(pca_squared_errors(pca, pixels), pixels)
    of_pixels = _scores_of_features(pixels, images, target, seed)
    del of_pixels["h_score"]
    return [
        *_rows(target, "untrained", seed, _scores_of_model(untrained, images, target, seed)),
        *_rows(target, "pca", seed, of_pca),
        *_rows(target, "pixels", seed, of_pixels),
    ]


def _scores_of_model(model: VAE, images: ImageSet, target: str, seed: int) -> dict[str, float]:
    means = encode_images(model, images).mean.numpy()
    layers = [name for name in model.layer_names if name.startswith("encoder.")]
    compared = compare_layers(model, _probe_model(target, seed), images, layers=layers)
    errors = squared_errors(model, images).numpy()
    return _scores_of_features(means, images, target, seed) | {
        "encoder_probe_cka": float(compared.values.diagonal().mean()),
        "squared_error_share": _share(errors, flat_pixels(images.images)),
        "active_units": float(active_units(model, images).count),
    }


def _scores_of_features(
    features: Float[np.ndarray, "n features"], images: ImageSet, target: str, seed: int
) -> dict[str, float]:
    labels = images.labels
    of_probe = encode_images(_probe_model(target, seed), images).mean.numpy()
    constant = np.ones((len(features), 1))
    return {
        "logme": logme(features, labels),
        "logme_with_constant": logme(np.hstack([features, constant]), labels),
        "h_score": h_score(features, labels),
        "label_cka": label_cka(features, labels),
        "knn_accuracy": knn_accuracy(features, labels),
        "probe_cka": cka(features, of_probe),
    }


def _scores_of_classifier(model: VAE, images: ImageSet, source: str, seed: int) -> dict[str, float]:
    means = encode_images(model, images).mean.numpy()
    probabilities = _source_classifier(source, seed).predict_proba(means)
    return {
        "leep": leep(probabilities, images.labels),
        "nce": nce(probabilities.argmax(axis=1), images.labels),
    }


def _share(errors: Float[np.ndarray, " n"], pixels: Float[np.ndarray, "n pixels"]) -> float:
    return float(errors.mean() / np.square(pixels - pixels.mean(axis=0)).mean())


@cache
def _probe_model(target: str, seed: int) -> VAE:
    images, _ = target_images(target, _SIZE, seed)
    model = fresh_copy(VAE(images.image_shape), seed=_SEED_OF_PROBE + seed)
    fit(
        model, images, steps=_PROBE_STEPS, batch_size=32, seed=seed, precision="bf16",
        progress=False,
    )  # fmt: skip
    return model


@cache
def _source_classifier(source: str, seed: int) -> "Pipeline":
    images, _ = target_images(source, _SOURCE_SIZE, seed)
    assert images.labels is not None
    means = encode_images(trained(source, seed), images).mean.numpy()
    return classifier("linear", len(images)).fit(means, images.labels.numpy())


def _rows(target: str, source: str, seed: int, scores: dict[str, float]) -> list[Row]:
    settings: Row = {"target": target, "source": source, "seed": seed}
    return [settings | {"score": score, "value": value} for score, value in scores.items()]


EXPERIMENTS = {"transfer_scores": Experiment(transfer_scores, GRID, after="models")}
