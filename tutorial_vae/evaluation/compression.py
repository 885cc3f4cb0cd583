"""What a model's code costs and what it keeps: reconstruction error, rate and distortion."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..data import ImageSet
from ..data.imageset import as_float, image_tensor
from ..devices import evaluation_mode, own_random_state
from ..models import VAE
from ..objectives import gaussian_kl
from .baselines import fit_pca, flat_pixels, pca_squared_errors
from .passes import checked_images, squared_errors


def bits_per_pixel(nats: float, image_shape: Sequence[int], *, levels: int = 1) -> float:
    r"""Turn nats per image into bits per pixel value (each channel of a pixel counts).

    Minus the ELBO in these units is the length of a code for the image, if the likelihood is a
    probability of what is coded: Bernoulli on black-and-white pixels. A density over [0, 1] that
    codes one of 256 grey levels has to be multiplied by the width of a level first, which costs
    :math:`\log_2 256 = 8` bits more. A Bernoulli likelihood on grey pixels is neither, and its
    value is no code length.

    Args:
        nats: nats per image, such as a rate, or minus an ELBO.
        image_shape: channels, height and width.
        levels: grey levels that a density is spread over; 1 for a probability, or for a rate.

    Raises:
        ValueError: ``image_shape`` or ``levels`` is not positive.
    """
    if min(image_shape, default=0) < 1:
        raise ValueError(f"image_shape must hold positive numbers, not {image_shape!r}")
    if levels < 1:
        raise ValueError(f"levels must be at least 1, not {levels!r}")
    return nats / (math.log(2) * math.prod(image_shape)) + math.log2(levels)


class ReconstructionError(NamedTuple):
    """Mean squared error per pixel, of a model and of PCA with as many components as latents."""

    model: float
    pca: float


def reconstruction_error(
    model: VAE,
    images: ImageSet | Tensor,
    *,
    train: ImageSet | Tensor | None = None,
    batch_size: int = 256,
    seed: int = 0,
    device: str | torch.device = "auto",
) -> ReconstructionError:
    """Measure how far reconstructions from posterior means are from the images.

    Args:
        model: the model. Its weights, mode and device are left as they were.
        images: an image set, or a tensor of shape (n, channels, height, width) that holds uint8
            or floats in [0, 1].
        train: the images that PCA is fitted to, as a rule those that the model was trained on.
            Without them PCA is fitted to ``images`` themselves: no linear code of this size could
            do better on them, so the comparison favours PCA.
        batch_size: images per pass.
        seed: source of PCA's randomised solver; the global random state is left as it was.
        device: ``"auto"`` (CUDA, else MPS, else CPU) or the name of a device.

    Returns:
        Means over images, channels and pixels, in squared pixel values of [0, 1].

    Raises:
        ValueError: the images do not suit the model, or an argument is outside what is said above.
    """
    pixels = flat_pixels(checked_images(model, images, batch_size))
    fitted_to = pixels if train is None else flat_pixels(checked_images(model, train))
    pca = fit_pca(fitted_to, model.latent_dim, seed=seed)
    return ReconstructionError(
        model=squared_errors(model, images, batch_size=batch_size, device=device).mean().item(),
        pca=float(pca_squared_errors(pca, pixels).mean()),
    )


@dataclass(frozen=True)
class RateDistortion:
    """One point of a rate–distortion curve: means over images.

    ``rate + distortion`` is minus the ELBO. Distortions in nats compare only between models of
    the same likelihood; the squared error compares between all.

    Attributes:
        rate: KL from the posterior to the prior, in nats per image.
        rate_bits_per_pixel: the same in bits per pixel value.
        distortion: minus the expected log-likelihood, in nats per image.
        mean_squared_error: error per pixel of images decoded from one draw of the posterior, which
            is what the rate pays for.
    """

    rate: float
    rate_bits_per_pixel: float
    distortion: float
    mean_squared_error: float


@torch.no_grad()
def rate_distortion(
    models: Sequence[VAE],
    images: ImageSet | Tensor,
    *,
    batch_size: int = 256,
    seed: int = 0,
    device: str | torch.device = "auto",
) -> tuple[RateDistortion, ...]:
    """Measure rate and distortion of several models, such as one for each β, on the same images.

    Args:
        models: the models. Their weights, modes and devices are left as they were.
        images: an image set, or a tensor of shape (n, channels, height, width) that holds uint8
            or floats in [0, 1].
        batch_size: images per pass.
        seed: source of the draws, the same for every model; the global random state is left as it
            was.
        device: ``"auto"`` (CUDA, else MPS, else CPU) or the name of a device.

    Returns:
        One point for each model, in their order.

    Raises:
        ValueError: the images do not suit a model, or an argument is outside what is said above.

    Reference: Alemi et al. 2018.
    """
    points = []
    for model in models:
        pixels = checked_images(model, images, batch_size)
        totals = torch.zeros(3, dtype=torch.float64)
        with evaluation_mode(model, device) as target, own_random_state(target, seed):
            for batch in pixels.split(batch_size):
                x = as_float(batch.to(target))
                posterior = model.encode(x)
                likelihood = model.decode(posterior.sample())
                kl = gaussian_kl(posterior.mean, 2 * posterior.stddev.log())
                error = (likelihood.mean - x).square().flatten(1).mean(dim=1)
                parts = torch.stack([kl, -likelihood.log_prob(x), error], dim=1)
                totals += parts.cpu().double().sum(dim=0)
        rate, distortion, error_per_pixel = (totals / len(pixels)).tolist()
        bits = bits_per_pixel(rate, model.image_shape)
        points.append(RateDistortion(rate, bits, distortion, error_per_pixel))
    return tuple(points)


def pca_rate_distortion(
    train: ImageSet | Tensor,
    images: ImageSet | Tensor,
    latent_dim: int,
    *,
    points: int = 20,
    seed: int = 0,
) -> tuple[RateDistortion, ...]:
    r"""Rate and distortion of PCA used as a noisy code: the curve that a VAE has to beat.

    A principal component of variance λ is sent with a squared error of θ, which takes
    :math:`\tfrac12 \log (\lambda / \theta)` nats, and components with λ below θ are not sent. For
    Gaussian data this is the best that any code can do (reverse water-filling). It is also a
    linear VAE with the exact posterior and a Gaussian likelihood of variance θ, so its expectations
    have closed forms: nothing is sampled.

    Args:
        train: the images that PCA is fitted to.
        images: the images to measure on, of the same shape.
        latent_dim: number of components that may be sent: the models' number of latents.
        points: how many values of θ, spread evenly in the logarithm from the largest variance down
            to a hundredth of the smallest.
        seed: source of PCA's randomised solver; the global random state is left as it was.

    Returns:
        Points in the order of growing rate, from 0.

    Raises:
        ValueError: the two sets differ in shape, all images in ``train`` are the same, or an
            argument is less than 1.

    Reference: Cover & Thomas 2006, section 10.3.3; Tipping & Bishop 1999.
    """
    for name, value in (("latent_dim", latent_dim), ("points", points)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, not {value!r}")
    source, measured = image_tensor(train), image_tensor(images)
    shape = tuple(measured.shape[1:])
    if tuple(source.shape[1:]) != shape:
        raise ValueError(f"train has images of {tuple(source.shape[1:])} and images of {shape}")
    pca = fit_pca(flat_pixels(source).astype(np.float64), latent_dim, seed=seed)
    # A component without variance has nothing to send, and would ask for θ = 0.
    kept = pca.explained_variance_ > 1e-10
    variance = pca.explained_variance_[kept]
    rows = flat_pixels(measured).astype(np.float64)
    moment = np.square(pca.transform(rows)[:, kept]).mean(axis=0)
    unsent = np.square(rows - pca.mean_).sum(axis=1).mean() - moment.sum()
    size = math.prod(shape)
    curve = []
    for theta in np.geomspace(variance[0], variance[-1] / 100, points):
        ratio = np.minimum(theta / variance, 1.0)  # share of a component's variance that is lost
        rate = 0.5 * (ratio + (1 - ratio) * moment / variance - 1 - np.log(ratio)).sum()
        error = (ratio**2 * moment + theta * (1 - ratio)).sum() + unsent
        distortion = 0.5 * (error / theta + size * math.log(2 * math.pi * theta))
        bits = bits_per_pixel(float(rate), shape)
        curve.append(RateDistortion(float(rate), bits, float(distortion), float(error / size)))
    return tuple(curve)
