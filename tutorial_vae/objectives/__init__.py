"""What a VAE is trained to maximise, in nats per image: the ELBO and its relatives.

An objective is a module that maps a model and a batch of images to an :class:`ELBO`, whose ``elbo``
is maximised. Its own parameters and buffers, if it has any, are trained with the model's and kept
in checkpoints.

>>> from tutorial_vae import BetaTCVAE, fit
>>> history = fit(model, images, objective=BetaTCVAE(4.0, images=len(images)))
"""

from .annealed_capacity import AnnealedCapacity
from .autoencoder import Autoencoder
from .beta_tcvae import (
    BetaTCVAE,
    KLDecomposition,
    importance_weights,
    kl_decomposition,
    total_correlation,
)
from .beta_vae import BetaVAE
from .bound import ELBO, elbo, gaussian_kl, gaussian_kl_per_dimension
from .dip_vae import DIPVAE, covariance_penalty
from .factor_vae import FactorVAE, permute_dimensions
from .free_bits import FreeBits
from .iwae import IWAE

__all__ = [
    "DIPVAE",
    "ELBO",
    "IWAE",
    "AnnealedCapacity",
    "Autoencoder",
    "BetaTCVAE",
    "BetaVAE",
    "FactorVAE",
    "FreeBits",
    "KLDecomposition",
    "covariance_penalty",
    "elbo",
    "gaussian_kl",
    "gaussian_kl_per_dimension",
    "importance_weights",
    "kl_decomposition",
    "permute_dimensions",
    "total_correlation",
]
