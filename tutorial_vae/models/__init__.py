"""The variational autoencoder, the networks that it is made of, and its files."""

from .files import load_model, rebuilding_settings, save_model
from .networks import (
    ARCHITECTURES,
    ConvDecoder,
    ConvEncoder,
    DenseDecoder,
    DenseEncoder,
    LinearDecoder,
    LinearEncoder,
)
from .vae import LIKELIHOODS, VAE, fresh_copy

__all__ = [
    "ARCHITECTURES",
    "LIKELIHOODS",
    "VAE",
    "ConvDecoder",
    "ConvEncoder",
    "DenseDecoder",
    "DenseEncoder",
    "LinearDecoder",
    "LinearEncoder",
    "fresh_copy",
    "load_model",
    "rebuilding_settings",
    "save_model",
]
