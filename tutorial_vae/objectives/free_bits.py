"""Free bits: no latent dimension gains anything from a KL below a minimum."""

from jaxtyping import Float
from torch import Tensor, nn

from ..checks import check_weight
from ..models import VAE
from .bound import ELBO, draw, gaussian_kl_per_dimension


class FreeBits(nn.Module):
    r"""Leave each latent dimension some KL for free, as an objective for :func:`tutorial_vae.fit`.

    .. math:: \mathbb{E}_{q(z|x)}[\log p(x|z)] - \sum_j \max(\lambda, \overline{\mathrm{KL}}_j)

    The KL of each latent dimension is averaged over the batch before the maximum is taken, so that
    a dimension is free only when it says little about all images together. ``elbo`` is the line
    above, with the same penalty for each image; its mean over the batch is that of the evidence
    lower bound wherever each dimension holds at least λ nats.

    Args:
        free_nats: λ, in nats per latent dimension. At 0 this is the evidence lower bound.

    Raises:
        ValueError: ``free_nats`` is negative or infinite.

    Reference: Kingma et al. 2016, the free bits of its appendix, with groups of one dimension.
    """

    def __init__(self, free_nats: float) -> None:
        super().__init__()
        check_weight("free_nats", free_nats)
        self.free_nats = free_nats

    def forward(self, model: VAE, x: Float[Tensor, "batch channels height width"]) -> ELBO:
        """Return the objective of each image, from one draw of its posterior.

        Raises:
            ValueError: ``x`` does not suit the model.
        """
        mean, log_var, _, log_likelihood = draw(model, x)
        kl = gaussian_kl_per_dimension(mean, log_var)
        penalty = kl.mean(dim=0).clamp(min=self.free_nats).sum()
        return ELBO(log_likelihood - penalty, log_likelihood, kl.sum(dim=1))

    def extra_repr(self) -> str:
        """Name the settings, so that a checkpoint can tell one objective from another."""
        return f"free_nats={self.free_nats}"
