"""Passing a set of images through a model, batch by batch, and leaving the model as it was."""

from typing import NamedTuple

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from ..data import ImageSet
from ..data.imageset import as_float, image_tensor
from ..devices import evaluation_mode
from ..models import VAE


class Posteriors(NamedTuple):
    """Posterior q(z|x) of each image, a diagonal Gaussian, on the CPU.

    ``mean`` and ``stddev`` both have the shape (n, latent).
    """

    mean: Float[Tensor, "n latent"]
    stddev: Float[Tensor, "n latent"]


def checked_images(
    model: VAE, images: ImageSet | Tensor, batch_size: int = 1
) -> UInt8[Tensor, "n channels height width"]:
    """Return images as one uint8 tensor that suits the model.

    Args:
        model: the model that will read them.
        images: an image set, or a tensor of uint8 or of floats in [0, 1].
        batch_size: images per pass, checked along with them.

    Raises:
        ValueError: the images have another shape, or ``batch_size`` is less than 1.
    """
    pixels = image_tensor(images)
    if tuple(pixels.shape[1:]) != model.image_shape:
        raise ValueError(
            f"images have the shape {tuple(pixels.shape[1:])}, but the model was made for "
            f"{model.image_shape}"
        )
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size!r}")
    return pixels


@torch.no_grad()
def encode_images(
    model: VAE,
    images: ImageSet | Tensor,
    *,
    batch_size: int = 256,
    device: str | torch.device = "auto",
) -> Posteriors:
    """Encode a set of images: the mean and the standard deviation of each image's posterior.

    Args:
        model: the model. Its weights, mode and device are left as they were.
        images: an image set, or a tensor of shape (n, channels, height, width) that holds uint8
            or floats in [0, 1].
        batch_size: images per pass.
        device: ``"auto"`` (CUDA, else MPS, else CPU) or the name of a device.

    Returns:
        Means and standard deviations, each of shape (n, latent), on the CPU.

    Raises:
        ValueError: the images do not suit the model, or an argument is outside what is said above.
    """
    pixels = checked_images(model, images, batch_size)
    means, stddevs = [], []
    with evaluation_mode(model, device) as target:
        for batch in pixels.split(batch_size):
            posterior = model.encode(as_float(batch.to(target)))
            means.append(posterior.mean.cpu())
            stddevs.append(posterior.stddev.cpu())
    return Posteriors(torch.cat(means), torch.cat(stddevs))


@torch.no_grad()
def squared_errors(
    model: VAE,
    images: ImageSet | Tensor,
    *,
    batch_size: int = 256,
    device: str | torch.device = "auto",
) -> Float[Tensor, " n"]:
    """Mean squared error per pixel of each image's reconstruction from its posterior mean.

    Args:
        model: the model.
        images: an image set, or a tensor as :func:`encode_images` takes it.
        batch_size: images per pass.
        device: ``"auto"`` or the name of a device.

    Returns:
        One value per image, in squared pixel values of [0, 1], on the CPU.
    """
    pixels = checked_images(model, images, batch_size)
    errors = []
    with evaluation_mode(model, device) as target:
        for batch in pixels.split(batch_size):
            x = as_float(batch.to(target))
            errors.append((model.reconstruct(x) - x).square().flatten(1).mean(dim=1).cpu())
    return torch.cat(errors).double()
