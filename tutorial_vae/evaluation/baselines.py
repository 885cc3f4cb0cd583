"""What every measure is held against: raw pixels, PCA of the same size, an untrained network."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Float32, Float64, UInt8
from torch import Tensor

from ..data.imageset import as_float

if TYPE_CHECKING:
    from sklearn.decomposition import PCA


def flat_pixels(
    images: UInt8[Tensor, "n channels height width"],
) -> Float32[np.ndarray, "n pixels"]:
    """Return images as rows of pixel values in [0, 1]."""
    return as_float(images).flatten(1).cpu().numpy()


def fit_pca(pixels: Float[np.ndarray, "n pixels"], latent_dim: int, *, seed: int = 0) -> "PCA":
    """Fit PCA with as many components as a model has latents, or all when there are fewer.

    Args:
        pixels: images as rows.
        latent_dim: number of components.
        seed: source of the randomised solver that scikit-learn takes for large sets.

    Raises:
        ValueError: there are fewer than 2 images, or all are the same.
    """
    from sklearn.decomposition import PCA

    if len(pixels) < 2:
        raise ValueError(f"PCA must be fitted to at least 2 images, not {len(pixels)}")
    if (pixels == pixels[0]).all():
        raise ValueError("PCA must be fitted to images that differ, but all of them are the same")
    return PCA(min(latent_dim, *pixels.shape), random_state=seed).fit(pixels)


def pca_squared_errors(
    pca: "PCA", pixels: Float[np.ndarray, "n pixels"]
) -> Float64[np.ndarray, " n"]:
    """Mean squared error per pixel of each image's reconstruction by PCA."""
    reconstruction = pca.inverse_transform(pca.transform(pixels))
    return np.square(reconstruction - pixels).mean(axis=1, dtype=np.float64)
