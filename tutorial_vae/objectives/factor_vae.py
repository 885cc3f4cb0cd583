"""FactorVAE: a discriminator measures how dependent the latents are on each other."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import logsigmoid

from ..checks import check_count, check_weight
from ..models import VAE
from .bound import ELBO, draw, gaussian_kl

_HIDDEN_LAYERS = 6


def permute_dimensions(z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch latent"]:
    """Shuffle each latent dimension over the batch on its own, which makes them independent.

    Args:
        z: latents.

    Reference: Kim & Mnih 2018, algorithm 1.
    """
    return z.gather(0, torch.rand_like(z).argsort(dim=0))


class FactorVAE(nn.Module):
    r"""A discriminator tells the total correlation, as an objective for :func:`tutorial_vae.fit`.

    The latents' total correlation is penalised, and the discriminator trained, by

    .. math:: \mathrm{ELBO} - \gamma \log \frac{D(z)}{1 - D(z)}
              + \tfrac12 \left[\log D(\bar z) + \log(1 - D(\bar z_{\mathrm{perm}}))\right]

    D(z) is the probability that z is a latent of the model rather than one whose dimensions were
    shuffled over the batch; at the best D the middle term's mean is the total correlation. The
    bar stops gradients. ``elbo`` is the line above: the VAE follows the gradient of its first two
    terms, with D held still, and D that of the last, with the latents held still, so one backward
    pass and one optimiser train both.

    Unlike the paper, both networks share one Adam with one learning rate, and latents and shuffled
    latents come from the same batch.

    Args:
        latent_dim: number of latent dimensions of the model to be trained.
        gamma: weight of the total correlation.
        hidden: units in each of the discriminator's six hidden layers.

    Attributes:
        discriminator: the network that maps latents to log D(z)/(1 − D(z)), initialised from
            PyTorch's global random state when the object is made.

    Raises:
        ValueError: ``gamma`` is negative or infinite, or a count is less than 1.

    Reference: Kim & Mnih 2018, equations 2 and 3 and algorithm 2; the discriminator is the one of
    their appendix A, with one output, the difference of their two.
    """

    def __init__(self, latent_dim: int, *, gamma: float, hidden: int = 1000) -> None:
        super().__init__()
        check_count("latent_dim", latent_dim)
        check_weight("gamma", gamma)
        check_count("hidden", hidden)
        self.latent_dim = latent_dim
        self.gamma = gamma
        layers: list[nn.Module] = []
        width = latent_dim
        for _ in range(_HIDDEN_LAYERS):
            layers += [nn.Linear(width, hidden), nn.LeakyReLU(0.2)]
            width = hidden
        self.discriminator = nn.Sequential(*layers, nn.Linear(width, 1))

    def forward(self, model: VAE, x: Float[Tensor, "batch channels height width"]) -> ELBO:
        """Return the objective of each image, from one draw of its posterior.

        Raises:
            ValueError: ``x`` or ``latent_dim`` does not suit the model, or ``x`` holds a single
                image.
        """
        if model.latent_dim != self.latent_dim:
            raise ValueError(
                f"latent_dim is {self.latent_dim}, but the model has {model.latent_dim} latent "
                "dimensions: make the objective with the model's number"
            )
        if len(x) < 2:
            raise ValueError(f"x must hold at least 2 images to be shuffled, not {len(x)}")
        mean, log_var, z, log_likelihood = draw(model, x)
        kl = gaussian_kl(mean, log_var)
        still = {name: value.detach() for name, value in self.discriminator.named_parameters()}
        log_ratio = functional_call(self.discriminator, still, (z,)).squeeze(1).to(z.dtype)
        fixed = z.detach()
        real = self.discriminator(fixed).squeeze(1).to(z.dtype)
        shuffled = self.discriminator(permute_dimensions(fixed)).squeeze(1).to(z.dtype)
        discrimination = 0.5 * (logsigmoid(real) + logsigmoid(-shuffled))
        bound = log_likelihood - kl - self.gamma * log_ratio + discrimination
        return ELBO(bound, log_likelihood, kl)

    def extra_repr(self) -> str:
        """Name the settings, so that a checkpoint can tell one objective from another."""
        return f"latent_dim={self.latent_dim}, gamma={self.gamma}"
