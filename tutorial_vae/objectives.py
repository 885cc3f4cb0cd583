"""What a VAE is trained to maximise: the evidence lower bound and its parts, in nats per image."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .models import VAE


class ELBO(NamedTuple):
    """The evidence lower bound and its two parts, one value per image, in nats.

    ``elbo`` is ``log_likelihood - beta * kl`` and is maximised; a loss is its negative mean.
    """

    elbo: Float[Tensor, " batch"]
    log_likelihood: Float[Tensor, " batch"]
    kl: Float[Tensor, " batch"]


def gaussian_kl(
    mean: Float[Tensor, "batch latent"], log_var: Float[Tensor, "batch latent"]
) -> Float[Tensor, " batch"]:
    r"""KL divergence from a diagonal Gaussian to the standard normal, in nats per image.

    .. math:: \tfrac12 \sum_j \left(\mu_j^2 + \sigma_j^2 - 1 - \log \sigma_j^2\right)

    Args:
        mean: posterior means.
        log_var: logarithms of the posterior variances.

    Returns:
        One value per image, summed over latent dimensions. Never negative, up to rounding.

    Raises:
        ValueError: ``mean`` and ``log_var`` are not two (batch, latent) tensors of one shape.

    Reference: Kingma & Welling 2013, appendix B.
    """
    if mean.ndim != 2 or mean.shape != log_var.shape:
        raise ValueError(
            "mean and log_var must both have the shape (batch, latent), not "
            f"{tuple(mean.shape)} and {tuple(log_var.shape)}"
        )
    return 0.5 * (mean.square() + log_var.exp() - 1 - log_var).sum(dim=1)


def elbo(
    model: VAE,
    x: Float[Tensor, "batch channels height width"],
    *,
    beta: float = 1.0,
    samples: int = 1,
) -> ELBO:
    r"""Evidence lower bound of each image, in nats, with the KL in closed form.

    .. math:: \mathbb{E}_{q(z|x)}[\log p(x|z)] - \beta \, \mathrm{KL}(q(z|x) \,\|\, p(z))

    The expectation is the mean over ``samples`` reparameterised draws,
    :math:`z = \mu + \sigma \odot \varepsilon`, so gradients reach the encoder.

    Args:
        model: the model.
        x: images in [0, 1].
        beta: weight of the KL. At 1 the result is a lower bound on the log-likelihood; at any
            other value it is the β-VAE objective and no longer a bound when it is below 1.
        samples: draws from the posterior per image.

    Returns:
        The bound, the log-likelihood (summed over channels and pixels) and the unweighted KL
        (summed over latent dimensions), each of shape (batch,).

    Raises:
        ValueError: ``beta`` is negative, ``samples`` is less than 1, or ``x`` does not suit the
            model.

    Reference: Kingma & Welling 2013, equation 10; β from Higgins et al. 2017.
    """
    if not beta >= 0:
        raise ValueError(f"beta must be a number of at least 0, not {beta!r}")
    if samples < 1:
        raise ValueError(f"samples must be at least 1, not {samples!r}")
    posterior = model.encode(x)
    log_likelihood = torch.stack(
        [model.decode(posterior.rsample()).log_prob(x) for _ in range(samples)]
    ).mean(dim=0)
    kl = gaussian_kl(posterior.mean, 2 * posterior.stddev.log())
    return ELBO(log_likelihood - beta * kl, log_likelihood, kl)


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
