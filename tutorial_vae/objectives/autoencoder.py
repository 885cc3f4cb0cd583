"""A plain autoencoder, to compare with."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..models import VAE
from .bound import ELBO


class Autoencoder(nn.Module):
    """A plain autoencoder as an objective: the code is the encoder's mean, and no KL is paid.

    The log-variances of the model's encoder are never used, and so never trained. ``kl`` is 0.
    """

    def forward(self, model: VAE, x: Float[Tensor, "batch channels height width"]) -> ELBO:
        """Return the log-likelihood of each image under its own code, in nats."""
        log_likelihood = model.decode(model.encode(x).mean).log_prob(x)
        return ELBO(log_likelihood, log_likelihood, torch.zeros_like(log_likelihood))
