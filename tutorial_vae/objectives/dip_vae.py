"""DIP-VAE: the covariance of the latents is drawn towards the identity."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..checks import check_weight
from ..models import VAE
from .bound import ELBO, draw, gaussian_kl

VARIANTS = ("I", "II")


def covariance_penalty(
    covariance: Float[Tensor, "latent latent"], *, off_diagonal: float, diagonal: float
) -> Float[Tensor, ""]:
    r"""Weighted squared distance of a covariance matrix from the identity.

    .. math:: \lambda_{od} \sum_{i \ne j} C_{ij}^2 + \lambda_d \sum_i (C_{ii} - 1)^2

    Args:
        covariance: the matrix C.
        off_diagonal: weight of the squares off the diagonal.
        diagonal: weight of the squares on it.

    Reference: Kumar et al. 2018, equations 6 and 7.
    """
    distance = (covariance - torch.eye(len(covariance), device=covariance.device)).square()
    on_diagonal = distance.diagonal().sum()
    return off_diagonal * (distance.sum() - on_diagonal) + diagonal * on_diagonal


class DIPVAE(nn.Module):
    r"""Match the latents' covariance to the prior's, as an objective for :func:`tutorial_vae.fit`.

    .. math:: \mathrm{ELBO} - \lambda_{od} \sum_{i \ne j} C_{ij}^2
              - \lambda_d \sum_i (C_{ii} - 1)^2

    Variant I takes for C the covariance of the posterior means; variant II that of the latents
    themselves, which adds the mean posterior variances to the diagonal. Both are estimated from the
    batch, divided by the number of images. ``elbo`` is the line above, with the same penalty for
    each image.

    Args:
        variant: ``"I"`` or ``"II"``.
        off_diagonal: weight of the squared covariances between latent dimensions.
        diagonal: weight of the squared distances of their variances from 1.

    Raises:
        ValueError: ``variant`` is neither, or a weight is negative or infinite.

    Reference: Kumar et al. 2018, equations 6 (I) and 7 (II).
    """

    def __init__(self, variant: str, *, off_diagonal: float, diagonal: float) -> None:
        super().__init__()
        if variant not in VARIANTS:
            raise ValueError(f"variant must be one of {VARIANTS}, not {variant!r}")
        check_weight("off_diagonal", off_diagonal)
        check_weight("diagonal", diagonal)
        self.variant = variant
        self.off_diagonal = off_diagonal
        self.diagonal = diagonal

    def covariance(
        self, mean: Float[Tensor, "batch latent"], log_var: Float[Tensor, "batch latent"]
    ) -> Float[Tensor, "latent latent"]:
        """Return the batch's covariance of the means (I) or of the latents (II).

        Args:
            mean: posterior means.
            log_var: logarithms of the posterior variances.
        """
        centred = mean - mean.mean(dim=0)
        # Not a matrix product: autocast would compute that in bfloat16.
        covariance = (centred[:, :, None] * centred[:, None, :]).mean(dim=0)
        if self.variant == "II":
            covariance = covariance + log_var.exp().mean(dim=0).diag()
        return covariance

    def forward(self, model: VAE, x: Float[Tensor, "batch channels height width"]) -> ELBO:
        """Return the objective of each image, from one draw of its posterior.

        Raises:
            ValueError: ``x`` does not suit the model, or holds a single image.
        """
        if len(x) < 2:
            raise ValueError(f"x must hold at least 2 images to have a covariance, not {len(x)}")
        mean, log_var, _, log_likelihood = draw(model, x)
        penalty = covariance_penalty(
            self.covariance(mean, log_var), off_diagonal=self.off_diagonal, diagonal=self.diagonal
        )
        kl = gaussian_kl(mean, log_var)
        return ELBO(log_likelihood - kl - penalty, log_likelihood, kl)

    def extra_repr(self) -> str:
        """Name the settings, so that a checkpoint can tell one objective from another."""
        return f"variant={self.variant}, off_diagonal={self.off_diagonal}, diagonal={self.diagonal}"
