"""Bounds on the log-likelihood of held-out images: the ELBO and the importance-weighted bound."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..data import ImageSet
from ..data.imageset import as_float
from ..devices import evaluation_mode, own_random_state
from ..models import VAE
from ..objectives import ELBO, IWAE, elbo
from .passes import checked_images


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
    parts = image_elbos(
        model, images, samples=samples, batch_size=batch_size, seed=seed, device=device
    )
    n = len(parts.elbo)
    if n < 2:
        raise ValueError(f"images must hold at least 2 images, not {n}")
    return Evaluation(
        elbo=parts.elbo.mean().item(),
        log_likelihood=parts.log_likelihood.mean().item(),
        kl=parts.kl.mean().item(),
        standard_error=(parts.elbo.std() / n**0.5).item(),
        n=n,
    )


@torch.no_grad()
def image_elbos(
    model: VAE,
    images: ImageSet | Tensor,
    *,
    samples: int,
    batch_size: int,
    seed: int,
    device: str | torch.device,
) -> ELBO:
    """Evidence lower bound and parts of each image, in nats; arguments as in :func:`evaluate`.

    Returns:
        float64 tensors of shape (n,), on the CPU.
    """
    pixels = checked_images(model, images, batch_size)
    with evaluation_mode(model, device) as target, own_random_state(target, seed):
        batches = [
            elbo(model, as_float(batch.to(target)), samples=samples)
            for batch in pixels.split(batch_size)
        ]
        # To the CPU first: not every device has float64.
        return ELBO(*(torch.cat(part).cpu().double() for part in zip(*batches, strict=True)))


@torch.no_grad()
def iwae_bound(
    model: VAE,
    x: Float[Tensor, "batch channels height width"],
    samples: int,
    *,
    batch_size: int = 1024,
    seed: int = 0,
) -> Float[Tensor, " batch"]:
    r"""Importance-weighted lower bound on the log-likelihood of each image, in nats.

    .. math::
        \log \frac1k \sum_{i=1}^k \frac{p(x|z_i) \, p(z_i)}{q(z_i|x)}, \qquad z_i \sim q(z|x)

    With one sample it is an estimate of the ELBO; its expectation never falls as samples are
    added, and it tends to the log-likelihood. How close it is depends on how well q fits.

    Args:
        model: the model. It runs in evaluation mode on its own device, and is left as it was.
        x: images as the model reads them, floats in [0, 1].
        samples: draws k from each image's posterior.
        batch_size: latents decoded in one pass: the bound on memory, whatever ``samples`` is.
        seed: source of the draws; the global random state is left as it was.

    Returns:
        One value per image, on the device of ``x``.

    Raises:
        ValueError: ``samples`` or ``batch_size`` is less than 1, or ``x`` holds no image or does
            not suit the model.

    Reference: Burda et al. 2015, section 3.
    """
    if samples < 1:
        raise ValueError(f"samples must be at least 1, not {samples!r}")
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size!r}")
    if len(x) == 0:
        raise ValueError("x must hold at least 1 image, not 0")
    home = next(model.parameters()).device
    with evaluation_mode(model, home), own_random_state(home, seed):
        bounds = [
            _log_mean_weight(model, batch.to(home), samples, batch_size)
            for batch in x.split(max(1, batch_size // samples))
        ]
    return torch.cat(bounds).to(x.device)


def _log_mean_weight(
    model: VAE, x: Float[Tensor, "batch channels height width"], samples: int, at_once: int
) -> Float[Tensor, " batch"]:
    passes = [min(at_once, samples - start) for start in range(0, samples, at_once)]
    # The objective gives the logarithm of each pass's mean; the whole's needs their sums.
    log_sums = [IWAE(draws)(model, x).elbo + math.log(draws) for draws in passes]
    return torch.stack(log_sums).logsumexp(dim=0) - math.log(samples)
