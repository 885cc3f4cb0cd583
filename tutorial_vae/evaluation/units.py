"""Which latent dimensions a model uses, and what each is worth."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..data import ImageSet
from ..models import VAE
from .passes import encode_images


@dataclass(frozen=True, eq=False)
class ActiveUnits:
    """How many latent dimensions carry information, and which.

    Attributes:
        count: number of active dimensions.
        active: marks them, of shape (latent,).
        variances: variance over images of each dimension's posterior mean, of shape (latent,).
    """

    count: int
    active: Bool[Tensor, " latent"]
    variances: Float[Tensor, " latent"]


def active_units(
    model: VAE,
    images: ImageSet | Tensor,
    threshold: float = 0.01,
    *,
    batch_size: int = 256,
    device: str | torch.device = "auto",
) -> ActiveUnits:
    r"""Count the latent dimensions whose posterior mean varies with the image.

    Dimension j is active when :math:`\operatorname{Var}_x(\mathbb{E}_{q(z|x)}[z_j])` is above
    ``threshold``. A dimension whose posterior has collapsed onto the prior has a variance near 0.

    Args:
        model: the model. Its weights, mode and device are left as they were.
        images: an image set, or a tensor of shape (n, channels, height, width) that holds uint8
            or floats in [0, 1], with n of at least 2.
        threshold: the least variance of an active dimension.
        batch_size: images per pass.
        device: ``"auto"`` (CUDA, else MPS, else CPU) or the name of a device.

    Raises:
        ValueError: the images do not suit the model, or an argument is outside what is said above.

    Reference: Burda et al. 2015, section 5.2.
    """
    if not threshold >= 0:
        raise ValueError(f"threshold must be a number of at least 0, not {threshold!r}")
    means = encode_images(model, images, batch_size=batch_size, device=device).mean.double()
    if len(means) < 2:
        raise ValueError(f"images must hold at least 2 images, not {len(means)}")
    variances = means.var(dim=0)
    active = variances > threshold
    return ActiveUnits(int(active.sum()), active, variances)


@torch.no_grad()
def knock_out_costs(model: VAE, images: ImageSet, *, seed: int = 0) -> Float[Tensor, " latent"]:
    """What each latent dimension is worth: the log-likelihood lost when its code is drawn blindly.

    A code is drawn for each image; then, one dimension at a time, that dimension is drawn from the
    prior instead, the others staying as they are.

    Args:
        model: the model, on the CPU.
        images: the images, best held out.
        seed: source of the draws; the global random state is left as it was.

    Returns:
        For each dimension the mean loss of log p(x|z), in nats per image. Near 0 where the decoder
        does not listen to the dimension.
    """
    x, generator = images.images.float() / 255, torch.Generator().manual_seed(seed)
    posterior = model.encode(x)
    noise, blind = torch.randn(2, *posterior.mean.shape, generator=generator)
    z = posterior.mean + posterior.stddev * noise
    costs = []
    for j in range(model.latent_dim):
        without = z.clone()
        without[:, j] = blind[:, j]
        costs.append((model.decode(z).log_prob(x) - model.decode(without).log_prob(x)).mean())
    return torch.stack(costs)
