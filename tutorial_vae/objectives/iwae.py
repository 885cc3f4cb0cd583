"""The importance-weighted bound: more draws per image bring it closer to the log-likelihood."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Normal

from ..checks import check_count
from ..models import VAE
from .bound import ELBO, gaussian_kl, log_variance


class IWAE(nn.Module):
    r"""The importance-weighted bound, as an objective for :func:`tutorial_vae.fit`.

    .. math:: \log \frac1k \sum_{i=1}^k \frac{p(x|z_i)\, p(z_i)}{q(z_i|x)},
              \qquad z_i \sim q(z|x)

    With one draw its expectation is the evidence lower bound; more draws never lower it, and it
    climbs to log p(x). ``elbo`` is this bound, ``log_likelihood`` the mean over the draws of
    log p(x|z), and ``kl`` the closed form. All draws are decoded at once, so a step needs the
    memory of a batch that is ``samples`` times as large.

    Args:
        samples: draws per image, k.

    Raises:
        ValueError: ``samples`` is less than 1.

    Reference: Burda et al. 2015, equation 8.
    """

    def __init__(self, samples: int) -> None:
        super().__init__()
        check_count("samples", samples)
        self.samples = samples

    def forward(self, model: VAE, x: Float[Tensor, "batch channels height width"]) -> ELBO:
        """Return the bound of each image.

        Raises:
            ValueError: ``x`` does not suit the model.
        """
        posterior = model.encode(x)
        z = posterior.rsample((self.samples,))  # (samples, batch, latent)
        likelihood = model.decode(z.flatten(0, 1))
        log_likelihood = likelihood.log_prob(x.repeat(self.samples, 1, 1, 1))
        log_likelihood = log_likelihood.unflatten(0, (self.samples, len(x)))
        prior = Normal(torch.zeros_like(z), 1.0, validate_args=False)
        log_weight = log_likelihood + (prior.log_prob(z) - posterior.log_prob(z)).sum(
            dim=2
        )  # (samples, batch)
        return ELBO(
            log_weight.logsumexp(dim=0) - math.log(self.samples),
            log_likelihood.mean(dim=0),
            gaussian_kl(posterior.mean, log_variance(posterior)),
        )

    def extra_repr(self) -> str:
        """Name the settings, so that a checkpoint can tell one objective from another."""
        return f"samples={self.samples}"
