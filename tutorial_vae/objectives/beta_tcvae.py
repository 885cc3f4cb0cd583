"""β-TCVAE: the KL taken apart, and only its total correlation weighted."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..checks import check_count, check_weight
from ..models import VAE
from .bound import ELBO, draw, gaussian_kl

ESTIMATORS = ("weighted", "stratified")

_CHUNK = 2**19  # densities computed at once, few enough for a processor's cache


class KLDecomposition(NamedTuple):
    """The three parts of the KL to the prior, one value per image, in nats.

    Attributes:
        mutual_information: index-code mutual information, log q(z|x) − log q(z).
        total_correlation: dependence between latent dimensions, log q(z) − Σⱼ log q(zⱼ).
        dimension_wise_kl: distance of each dimension from the prior, Σⱼ log q(zⱼ) − log p(z).
    """

    mutual_information: Float[Tensor, " batch"]
    total_correlation: Float[Tensor, " batch"]
    dimension_wise_kl: Float[Tensor, " batch"]


def importance_weights(batch_size: int, *, images: int, estimator: str) -> tuple[float, float]:
    r"""Weights with which a batch's posteriors stand in for those of all N training images.

    .. math:: q(z_j) = \frac1N \sum_{n=1}^N q(z_j | x_n)
              \approx w_{\text{own}}\, q(z_j | x_j)
              + w_{\text{other}} \sum_{i \ne j} q(z_j | x_i)

    ``"weighted"``: both weights are 1/(NM) in a batch of M. They sum to 1/N, not 1: where the
    posteriors are alike, log q(z) comes out too low by ln N, and the total correlation of d latent
    dimensions too high by (d − 1) ln N.

    ``"stratified"``: 1/N for the image that z was drawn from; the others share the rest of 1
    equally. The estimate of q(z) has no bias over random batches, and is exact when the batch is
    the whole set. The paper gives one of the others, whichever, less weight than its fellows; these
    weights are the average over that choice.

    Args:
        batch_size: images in the batch, M.
        images: images in the training set, N.
        estimator: ``"weighted"`` or ``"stratified"``.

    Returns:
        The weight of the image that z was drawn from, and that of each of the others.

    Raises:
        ValueError: there are fewer ``images`` than in the batch, a stratified batch holds fewer
            than two, or ``estimator`` is neither.

    Reference: Chen et al. 2018, appendix C.
    """
    _check_estimator(estimator)
    check_count("batch_size", batch_size)
    check_count("images", images)
    if images < batch_size:
        raise ValueError(
            f"images must count the whole training set, at least the {batch_size} of the batch, "
            f"not {images}"
        )
    if estimator == "weighted":
        return 1 / (images * batch_size), 1 / (images * batch_size)
    if batch_size < 2:
        raise ValueError("batch_size must be at least 2 for the stratified estimator, not 1")
    return 1 / images, (1 - 1 / images) / (batch_size - 1)


def kl_decomposition(
    z: Float[Tensor, "batch latent"],
    mean: Float[Tensor, "batch latent"],
    log_var: Float[Tensor, "batch latent"],
    *,
    images: int,
    estimator: str = "weighted",
) -> KLDecomposition:
    r"""Estimate the parts of the KL to the prior from one draw per image of a batch.

    .. math:: \mathbb{E}_x\,\mathrm{KL}(q(z|x) \,\|\, p(z)) = I(x; z)
              + \mathrm{KL}\Bigl(q(z) \,\Big\|\, \prod_j q(z_j)\Bigr)
              + \sum_j \mathrm{KL}(q(z_j) \,\|\, p(z_j))

    Here q(z) is the mean of the posteriors of all training images, estimated with
    :func:`importance_weights`. The three parts add up to log q(z|x) − log p(z) whatever the
    weights; each part alone depends on them. Time grows with the square of the batch, and so does
    memory where gradients are wanted; without them it stays small.

    Args:
        z: one draw from each image's posterior.
        mean: posterior means.
        log_var: logarithms of the posterior variances.
        images: images in the training set that the batch was drawn from.
        estimator: ``"weighted"`` or ``"stratified"``.

    Returns:
        The parts for each image, in nats.

    Raises:
        ValueError: the tensors are not of one shape (batch, latent), or ``images`` or
            ``estimator`` does not suit :func:`importance_weights`.

    Reference: Chen et al. 2018, equation 2.
    """
    if not z.shape == mean.shape == log_var.shape or z.ndim != 2:
        raise ValueError(
            "z, mean and log_var must all have the shape (batch, latent), not "
            f"{tuple(z.shape)}, {tuple(mean.shape)} and {tuple(log_var.shape)}"
        )
    own, other = importance_weights(len(z), images=images, estimator=estimator)
    rows = max(_CHUNK // mean.numel(), 1)
    # Filled in place: a list of small results between large ones would fragment the memory.
    log_joint, log_marginals = z.new_empty(len(z)), z.new_empty(len(z))
    for start in range(0, len(z), rows):
        some = slice(start, start + rows)
        # Latents before posteriors, so that the sums over posteriors run along memory.
        log_density = _log_normal(z[some, :, None], mean.T, log_var.T)  # (rows, latent, batch)
        log_weight = z.new_full((len(log_density), len(z)), math.log(other))
        log_weight.diagonal(start).fill_(math.log(own))
        log_joint[some] = (log_density.sum(dim=1) + log_weight).logsumexp(dim=1)
        log_marginals[some] = (log_density + log_weight[:, None]).logsumexp(dim=2).sum(dim=1)
    conditional = _log_normal(z, mean, log_var).sum(dim=1)
    prior = _log_normal(z, torch.zeros_like(z), torch.zeros_like(z)).sum(dim=1)
    return KLDecomposition(
        mutual_information=conditional - log_joint,
        total_correlation=log_joint - log_marginals,
        dimension_wise_kl=log_marginals - prior,
    )


def total_correlation(
    z: Float[Tensor, "batch latent"],
    mean: Float[Tensor, "batch latent"],
    log_var: Float[Tensor, "batch latent"],
    *,
    images: int,
    estimator: str = "weighted",
) -> Float[Tensor, " batch"]:
    """Estimate how dependent latent dimensions are: the middle part of :func:`kl_decomposition`.

    disentanglement_lib leaves the weights out, which takes (d − 1) ln(NM) from the weighted
    estimate, a constant that training does not feel.

    Args:
        z: one draw from each image's posterior.
        mean: posterior means.
        log_var: logarithms of the posterior variances.
        images: images in the training set that the batch was drawn from.
        estimator: ``"weighted"`` or ``"stratified"``.

    Returns:
        One value per image, in nats; their mean estimates the total correlation.

    Raises:
        ValueError: as :func:`kl_decomposition`.

    Reference: Chen et al. 2018, equation 2.
    """
    parts = kl_decomposition(z, mean, log_var, images=images, estimator=estimator)
    return parts.total_correlation


def _log_normal(z: Tensor, mean: Tensor, log_var: Tensor) -> Tensor:
    constant = -0.5 * (log_var + math.log(2 * math.pi))
    distance = (z - mean) * (-0.5 * log_var).exp()
    return torch.addcmul(constant, distance, distance, value=-0.5)


def _check_estimator(estimator: str) -> None:
    if estimator not in ESTIMATORS:
        raise ValueError(f"estimator must be one of {ESTIMATORS}, not {estimator!r}")


class BetaTCVAE(nn.Module):
    r"""Weight the latents' total correlation, as an objective for :func:`tutorial_vae.fit`.

    .. math:: \mathbb{E}_{q(z|x)}[\log p(x|z)] - I(x; z)
              - \beta\, \mathrm{KL}\Bigl(q(z) \,\Big\|\, \prod_j q(z_j)\Bigr)
              - \sum_j \mathrm{KL}(q(z_j) \,\|\, p(z_j))

    Since the three parts add up to the KL, this is the evidence lower bound less (β − 1) times the
    total correlation; ``elbo`` is computed so, with the KL in closed form, and at β = 1 is exactly
    the evidence lower bound.

    Args:
        beta: weight of the total correlation.
        images: images in the training set.
        estimator: ``"weighted"``, as in the paper's experiments, or ``"stratified"``; see
            :func:`tutorial_vae.objectives.importance_weights`.

    Raises:
        ValueError: ``beta`` is negative or infinite, ``images`` is less than 1, or ``estimator``
            is neither.

    Reference: Chen et al. 2018, section 3, with α = γ = 1.
    """

    def __init__(self, beta: float, *, images: int, estimator: str = "weighted") -> None:
        super().__init__()
        check_weight("beta", beta)
        check_count("images", images)
        _check_estimator(estimator)
        self.beta = beta
        self.images = images
        self.estimator = estimator

    def forward(self, model: VAE, x: Float[Tensor, "batch channels height width"]) -> ELBO:
        """Return the objective of each image, from one draw of its posterior.

        Raises:
            ValueError: ``x`` does not suit the model, or holds more than ``images`` images.
        """
        mean, log_var, z, log_likelihood = draw(model, x)
        correlation = total_correlation(
            z, mean, log_var, images=self.images, estimator=self.estimator
        )
        kl = gaussian_kl(mean, log_var)
        bound = log_likelihood - kl - (self.beta - 1) * correlation
        return ELBO(bound, log_likelihood, kl)

    def extra_repr(self) -> str:
        """Name the settings, so that a checkpoint can tell one objective from another."""
        return f"beta={self.beta}, images={self.images}, estimator={self.estimator}"
