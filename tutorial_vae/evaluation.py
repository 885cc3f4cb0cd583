"""How good a trained VAE is, on images that it has not seen."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .data import ImageSet
from .data.imageset import as_float, image_tensor
from .models import VAE, resolve_device
from .objectives import ELBO, elbo
from .training import own_random_state


@dataclass(frozen=True)
class Evaluation:
    """Mean ELBO and its parts over a set of images, in nats per image.

    Attributes:
        elbo: mean evidence lower bound, with the KL weighted by 1.
        log_likelihood: its reconstruction part.
        kl: its KL part.
        standard_error: standard error of ``elbo`` over the images.
        n: how many images.
    """

    elbo: float
    log_likelihood: float
    kl: float
    standard_error: float
    n: int


@torch.no_grad()
def evaluate(
    model: VAE,
    images: ImageSet | Tensor,
    *,
    samples: int = 1,
    batch_size: int = 256,
    seed: int = 0,
    device: str | torch.device = "auto",
) -> Evaluation:
    """Measure the evidence lower bound of a model on a set of images, best one held out.

    Args:
        model: the model. Its weights, mode and device are left as they were.
        images: an image set, or a tensor of shape (n, channels, height, width) that holds uint8
            or floats in [0, 1], with n of at least 2.
        samples: draws from each image's posterior.
        batch_size: images per pass.
        seed: source of the draws; the global random state is left as it was.
        device: ``"auto"`` (CUDA, else MPS, else CPU) or the name of a device.

    Returns:
        Means over the images, in nats per image.

    Raises:
        ValueError: the images do not suit the model, or an argument is outside what is said above.
    """
    pixels = image_tensor(images)
    if len(pixels) < 2:
        raise ValueError(f"images must hold at least 2 images, not {len(pixels)}")
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size!r}")
    target = resolve_device(device)
    home, was_training = next(model.parameters()).device, model.training
    model.to(target).eval()
    try:
        with own_random_state(target, seed):
            batches = [
                elbo(model, as_float(batch.to(target)), samples=samples)
                for batch in pixels.split(batch_size)
            ]
    finally:
        model.to(home).train(was_training)
    parts = ELBO(*(torch.cat(part).double().cpu() for part in zip(*batches, strict=True)))
    return Evaluation(
        elbo=parts.elbo.mean().item(),
        log_likelihood=parts.log_likelihood.mean().item(),
        kl=parts.kl.mean().item(),
        standard_error=(parts.elbo.std() / len(pixels) ** 0.5).item(),
        n=len(pixels),
    )
