"""The evidence lower bound and its parts, in nats per image."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Normal

from ..models import VAE


class ELBO(NamedTuple):
    """The evidence lower bound and its two parts, one value per image, in nats.

    ``elbo`` is what is maximised, a loss is its negative mean; :func:`elbo` and :class:`BetaVAE`
    make it ``log_likelihood - beta * kl``, other objectives say what they make it.
    ``log_likelihood`` and the unweighted ``kl`` mean the same under every objective.
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
    return gaussian_kl_per_dimension(mean, log_var).sum(dim=1)


def gaussian_kl_per_dimension(
    mean: Float[Tensor, "batch latent"], log_var: Float[Tensor, "batch latent"]
) -> Float[Tensor, "batch latent"]:
    """Terms of :func:`gaussian_kl`, one per latent dimension, in nats per image.

    Args:
        mean: posterior means.
        log_var: logarithms of the posterior variances.

    Returns:
        One value per image and latent dimension.

    Raises:
        ValueError: ``mean`` and ``log_var`` are not two (batch, latent) tensors of one shape.

    Reference: Kingma & Welling 2013, appendix B.
    """
    if mean.ndim != 2 or mean.shape != log_var.shape:
        raise ValueError(
            "mean and log_var must both have the shape (batch, latent), not "
            f"{tuple(mean.shape)} and {tuple(log_var.shape)}"
        )
    return 0.5 * (mean.square() + log_var.exp() - 1 - log_var)


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
    kl = gaussian_kl(posterior.mean, log_variance(posterior))
    return ELBO(log_likelihood - beta * kl, log_likelihood, kl)


class Draw(NamedTuple):
    """One pass through a model: posteriors, one latent from each, and what it says of the images.

    Attributes:
        mean: posterior means.
        log_var: logarithms of the posterior variances.
        z: reparameterised draws, one per image.
        log_likelihood: log p(x|z) of each image, in nats summed over channels and pixels.
    """

    mean: Float[Tensor, "batch latent"]
    log_var: Float[Tensor, "batch latent"]
    z: Float[Tensor, "batch latent"]
    log_likelihood: Float[Tensor, " batch"]


def draw(model: VAE, x: Float[Tensor, "batch channels height width"]) -> Draw:
    """Encode images, draw one latent from each posterior, and decode it.

    Args:
        model: the model.
        x: images in [0, 1].

    Raises:
        ValueError: ``x`` does not suit the model.
    """
    posterior = model.encode(x)
    z = posterior.rsample()
    return Draw(posterior.mean, log_variance(posterior), z, model.decode(z).log_prob(x))


def log_variance(posterior: Normal) -> Float[Tensor, "batch latent"]:
    """Return the logarithms of a posterior's variances."""
    return 2 * posterior.stddev.log()
