"""What chapter 07 shows: five uses of a VAE, each beside PCA with as many numbers."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from tutorial_vae.data import ImageSet, load_images
from tutorial_vae.evaluation import (
    Judge,
    anomaly_detection,
    bits_per_pixel,
    clustering,
    encode_images,
    evaluate,
    pca_rate_distortion,
    probe,
    rate_distortion,
)
from tutorial_vae.evaluation.baselines import fit_pca, flat_pixels
from tutorial_vae.models import VAE
from tutorial_vae.objectives import Autoencoder, BetaVAE
from tutorial_vae.training import fit

from ..grid import Experiment
from ..table import Row

_LATENTS = 10
_BETAS = (0.1, 0.3, 1.0, 3.0)
_LABELS = (20, 50, 100, 200, 500, 1437)
_Measured = Iterator[tuple[str, str, float]]  # measure, model and value
_NAMES = {"latent": "VAE", "pca": "PCA", "pixels": "pixels", "untrained": "untrained"}


def what_vaes_are_for(seed: int) -> list[Row]:
    """Measure a VAE and PCA, both with ten numbers an image, at five uses, for one seed.

    Handwritten digits and printed ones are generated, told from what does not belong, compressed,
    classified and clustered; photographs are compressed. Networks learn without labels.

    Args:
        seed: seed of the start weights, the batches, the noise, the draws, the judge, the k-means
            starts and the choice of labelled images. PCA itself has none.

    Returns:
        Rows with the columns seed, use, images, beta, setting, measure, model and value. ``beta``
        is the weight of the KL in training. ``setting`` is the class left out of training (use
        ``anomalies``), ``"letters"`` (``another set``), or the number of labels (``probe``);
        elsewhere it is empty. Measures are those of :class:`~tutorial_vae.evaluation.Quality`;
        areas under the ROC curve of minus the ELBO and of the squared error; ``rate`` (nats per
        image) and ``mean_squared_error`` (per pixel; of PCA at the VAE's rate);
        ``bits_per_pixel``, and ``training_bits_per_pixel`` of the images trained on; the accuracy
        of a ``linear`` and of a ``knn`` probe; ``adjusted_rand_index``.
    """
    rows: list[Row] = []
    for name in ("digits", "glyphs-digits"):
        train, unseen = _load(name)
        letters = load_images("glyphs-latin", "test", size=16, limit=500)
        for beta in _BETAS:
            model = _trained(train, seed, objective=BetaVAE(beta))
            about: Row = {"seed": seed, "images": name, "beta": beta}
            rows += _rows(about, "rate", _rate(model, train, unseen, seed))
            generator = torch.Generator().manual_seed(seed)
            order = torch.randperm(len(train), generator=generator)  # the same for every β
            for labels in _LABELS if beta == 1 else _LABELS[-1:]:
                few = train[order[:labels]]
                rows += _rows(about, "probe", _probed(model, few, unseen, train, seed), labels)
            found = clustering(model, unseen, seed=seed)
            rows += _rows(about, "clustering", _named("adjusted_rand_index", found._asdict()))
            if beta == 1:
                rows += _rows(about, "generation", _invented(model, train, unseen, seed))
                areas = _areas(model, train, unseen, letters, seed)
                rows += _rows(about, "another set", areas, "letters")
        about = {"seed": seed, "images": name, "beta": 1.0}
        for left_out in range(10):
            known = train[np.flatnonzero(train.labels != left_out)]
            model = _trained(known, seed, steps=600)
            others = unseen[np.flatnonzero(unseen.labels != left_out)]
            of_class = unseen[np.flatnonzero(unseen.labels == left_out)]
            areas = _areas(model, known, others, of_class, seed)
            rows += _rows(about, "anomalies", areas, left_out)
            model = _trained(known, seed, steps=600, objective=Autoencoder())
            area = _area(model, known, others, of_class, seed)
            rows += _rows(about, "anomalies", area, left_out)
        lengths = _black_and_white(_two_levels(train), _two_levels(unseen), seed)
        rows += _rows(about | {"images": f"{name}, black and white"}, "code length", lengths)
    about = {"seed": seed, "images": "patches", "beta": 1.0}
    return rows + _rows(about, "code length", _photographs(seed))


def _rows(about: Row, use: str, measured: _Measured, setting: str | int = "") -> list[Row]:
    """Put what was measured under the columns of the table."""
    seed, images, beta = about["seed"], about["images"], about["beta"]
    before: Row = {"seed": seed, "use": use, "images": images, "beta": beta, "setting": setting}
    return [before | {"measure": m, "model": name, "value": v} for m, name, v in measured]


def _named(measure: str, found: Mapping[str, float]) -> _Measured:
    for name, value in found.items():
        yield measure, _NAMES[name], value


def _load(name: str) -> tuple[ImageSet, ImageSet]:
    train = load_images(name, size=16, limit=_LABELS[-1], channels=1)
    return train, load_images(name, "test", size=16, limit=1000, channels=1)


def _two_levels(images: ImageSet) -> ImageSet:
    return replace(images, images=(images.images > 127).to(torch.uint8) * 255)


def _trained(
    images: ImageSet,
    seed: int,
    *,
    objective: nn.Module | None = None,
    steps: int = 1000,
    lr: float = 2e-3,
    architecture: str = "mlp",
    likelihood: str = "bernoulli",
) -> VAE:
    torch.manual_seed(seed)
    model = VAE(images.image_shape, _LATENTS, architecture=architecture, likelihood=likelihood)
    fit(model, images, objective=objective, steps=steps, lr=lr, seed=seed, progress=False)
    return model


def _invented(model: VAE, train: ImageSet, unseen: ImageSet, seed: int) -> _Measured:
    """Judge what is drawn from the prior, and from ten normals fitted to the codes."""
    from sklearn.mixture import GaussianMixture

    judge = Judge(train, unseen, seed=seed)
    noise = torch.randn(1000, _LATENTS, generator=torch.Generator().manual_seed(seed))
    pca = fit_pca(flat_pixels(train.images), _LATENTS, seed=seed)
    # Of the variance along a component, probabilistic PCA takes some for noise.
    scale = torch.as_tensor(pca.explained_variance_ - pca.noise_variance_).sqrt()

    def draw_pca(codes: Tensor) -> Tensor:
        pixels = torch.as_tensor(pca.inverse_transform(codes.numpy()))
        return pixels.clamp(0, 1).float().unflatten(1, train.image_shape)

    @torch.no_grad()
    def draw_vae(codes: Tensor) -> Tensor:
        return model.decode(codes).mean

    def from_mixture(codes: np.ndarray) -> Tensor:
        mixture = GaussianMixture(10, random_state=seed).fit(codes.astype(np.float64))
        return torch.as_tensor(mixture.sample(1000)[0]).float()

    codes = pca.transform(flat_pixels(train.images))
    invented = {
        "VAE": draw_vae(noise),
        "VAE, mixture": draw_vae(from_mixture(encode_images(model, train).mean.numpy())),
        "PCA": draw_pca(noise * scale),
        "PCA, mixture": draw_pca(from_mixture(codes)),
    }
    for name, pictures in invented.items():
        for measure, value in judge(pictures)._asdict().items():
            yield measure, name, value


def _rate(model: VAE, train: ImageSet, unseen: ImageSet, seed: int) -> _Measured:
    (point,) = rate_distortion([model], unseen, seed=seed)
    yield "rate", "VAE", point.rate
    yield "mean_squared_error", "VAE", point.mean_squared_error
    for name, components in (("PCA", _LATENTS), ("PCA, all components", 256)):
        curve = pca_rate_distortion(train, unseen, components, points=200, seed=seed)
        rates, errors = ([getattr(p, n) for p in curve] for n in ("rate", "mean_squared_error"))
        yield "mean_squared_error", name, float(np.interp(point.rate, rates, errors))


def _probed(
    model: VAE, labelled: ImageSet, unseen: ImageSet, train: ImageSet, seed: int
) -> _Measured:
    for kind in ("linear", "knn"):
        found = probe(model, labelled, unseen, kind=kind, unlabelled=train, seed=seed)
        yield from _named(kind, {name: share.value for name, share in found._asdict().items()})


def _areas(
    model: VAE, train: ImageSet, normal: ImageSet, anomalies: ImageSet, seed: int
) -> _Measured:
    for score in ("elbo", "squared_error"):
        found = anomaly_detection(model, train, normal, anomalies, score=score, seed=seed)
        yield score, "VAE", found.model.value
        yield score, "PCA", found.pca.value


def _area(
    autoencoder: VAE, train: ImageSet, normal: ImageSet, anomalies: ImageSet, seed: int
) -> _Measured:
    score = "squared_error"
    found = anomaly_detection(autoencoder, train, normal, anomalies, score=score, seed=seed)
    yield score, "autoencoder", found.model.value


def _black_and_white(train: ImageSet, unseen: ImageSet, seed: int) -> _Measured:
    """Code lengths of pixels that are black or white: the likelihood is a probability of them."""
    models = {
        "VAE": _trained(train, seed, steps=1500),
        "linear VAE": _trained(train, seed, steps=2000, lr=1e-2, architecture="linear"),
    }
    for name, model in models.items():
        nats = -evaluate(model, unseen, samples=4, seed=seed).elbo
        yield "bits_per_pixel", name, bits_per_pixel(nats, train.image_shape)
    # One probability a pixel, as if there had been one more picture, half of it white.
    white = ((train.images > 0).float().sum(dim=0) + 0.5) / (len(train) + 1)
    log_p = torch.distributions.Bernoulli(white).log_prob((unseen.images > 0).float())
    nats = -log_p.sum(dim=(1, 2, 3)).mean().item()
    yield "bits_per_pixel", "pixels alone", bits_per_pixel(nats, train.image_shape)


def _photographs(seed: int) -> _Measured:
    """Code lengths of pixels of 256 grey levels: densities times the width of a level."""
    train = load_images("patches", size=16, limit=4000, channels=1)
    unseen = load_images("patches", "test", size=16, limit=1000, channels=1)
    pca = fit_pca(flat_pixels(train.images).astype(np.float64), _LATENTS, seed=seed)
    models = {
        name: _trained(train, seed, steps=steps, lr=1e-3, likelihood="gaussian")
        for name, steps in (("VAE", 1500), ("VAE, three times the steps", 4500))
    }
    for measure, images in (("bits_per_pixel", unseen), ("training_bits_per_pixel", train)):
        nats = {
            name: -evaluate(model, images, samples=4, seed=seed).elbo
            for name, model in models.items()
        }
        nats["PCA"] = -float(pca.score(flat_pixels(images.images).astype(np.float64)))
        for name, value in nats.items():
            yield measure, name, bits_per_pixel(value, train.image_shape, levels=256)


EXPERIMENTS = {"what_vaes_are_for": Experiment(what_vaes_are_for)}
