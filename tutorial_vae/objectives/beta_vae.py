"""β-VAE: the evidence lower bound with a weighted KL."""

from jaxtyping import Float
from torch import Tensor, nn

from ..models import VAE
from .bound import ELBO, elbo


class BetaVAE(nn.Module):
    """The evidence lower bound with a weighted KL, as an objective for :func:`tutorial_vae.fit`.

    An objective is a module that maps a model and a batch of images to an :class:`ELBO`, whose
    ``elbo`` is maximised. Its own parameters and buffers, if it has any, are kept in checkpoints.

    Args:
        beta: weight of the KL; 1 is the evidence lower bound itself.

    Raises:
        ValueError: ``beta`` is negative.

    Reference: Higgins et al. 2017.
    """

    def __init__(self, beta: float = 1.0) -> None:
        super().__init__()
        if not beta >= 0:
            raise ValueError(f"beta must be a number of at least 0, not {beta!r}")
        self.beta = beta

    def forward(self, model: VAE, x: Float[Tensor, "batch channels height width"]) -> ELBO:
        """Return the bound of each image, from one draw of its posterior."""
        return elbo(model, x, beta=self.beta)

    def extra_repr(self) -> str:
        """Name the settings, so that a checkpoint can tell one objective from another."""
        return f"beta={self.beta}"
