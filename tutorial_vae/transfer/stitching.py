"""Stitching: one model's encoder, a linear map, another model's decoder."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..data import ImageSet
from ..data.imageset import as_float
from ..devices import evaluation_mode
from ..evaluation import encode_images
from ..evaluation.baselines import fit_pca, flat_pixels
from ..evaluation.passes import checked_images, squared_errors
from ..models import VAE, fresh_copy

_FOLDS = 5
_BATCH = 256
_RIDGES = np.logspace(-3, 4, 15)  # penalties that cross-validation chooses from


@dataclass(frozen=True, eq=False)
class StitchResult:
    """How well one model's encoder, a linear map and another model's decoder draw some images.

    Attributes:
        share: of the reference model's reconstruction gain that the stitched model keeps: 1 where
            it reconstructs as well, 0 where it does no better than the mean image, below 0 where
            it does worse.
        baselines: the same share with other codes in the place of the encoder's: ``"untrained"``,
            an encoder of the same architecture at random weights, and ``"pca"``, as many principal
            components of the pixels as there are latent dimensions.
        error: mean squared error per pixel of the stitched reconstructions.
        reference_error: that of the reference model's own reconstructions.
        mean_image_error: that of the mean image.
        n: number of images.
    """

    share: float
    baselines: Mapping[str, float]
    error: float
    reference_error: float
    mean_image_error: float
    n: int


def stitch(
    encoder_from: VAE,
    decoder_from: VAE,
    images: ImageSet | Tensor,
    *,
    reference: VAE | None = None,
    pca_images: ImageSet | Tensor | None = None,
    seed: int = 0,
    device: str | torch.device = "auto",
) -> StitchResult:
    r"""Decode with one model what another has encoded, through a linear map between their latents.

    The map is a ridge regression from the latent means :math:`m_a(x)` of ``encoder_from`` to the
    latent means :math:`m_b(x)` of ``decoder_from``, on the same images. Each image's code is
    predicted by a map that was fitted to four fifths of the images, this one not among them. With
    :math:`E` the mean squared error per pixel,

    .. math::
        \text{share} = \frac{E(\text{mean image}) - E(\text{stitched})}
        {E(\text{mean image}) - E(\text{reference})} .

    Nothing is trained but the map, so the share says what a decoder can still find in a foreign
    code, not what it could learn to find.

    Args:
        encoder_from: the model that encodes. Weights, modes and devices of all models are left as
            they were.
        decoder_from: the model that decodes, and whose latents the map leads to.
        images: an image set, or a tensor of shape (n, channels, height, width) that holds uint8
            or floats in [0, 1]; n of at least 20, best held out.
        reference: the model whose reconstruction gain counts as 1, in general the one that was
            trained on such images; ``decoder_from`` when it is not given.
        pca_images: what the PCA baseline is fitted to, images of the models' shape. Without them
            it is fitted to ``images``, which a foreign encoder has never seen; the images that
            ``encoder_from`` was trained on put both on one footing.
        seed: of the folds and of the untrained baseline.
        device: ``"auto"`` (CUDA, else MPS, else CPU) or the name of a device.

    Raises:
        ValueError: the models read images of other shapes, there are fewer than 20 images, or the
            reference reconstructs no better than the mean image.

    Reference: stitching by a trained map between two networks: Lenc & Vedaldi 2015; Bansal et al.
    2021. The choice of a ridge between the latents of VAEs, and the share, are this package's own.
    """
    reference = decoder_from if reference is None else reference
    for name, model in (("decoder_from", decoder_from), ("reference", reference)):
        if model.image_shape != encoder_from.image_shape:
            raise ValueError(
                f"{name} reads images of shape {model.image_shape} and encoder_from of shape "
                f"{encoder_from.image_shape}: stitch models that read the same images"
            )
    pixels = checked_images(encoder_from, images)
    if len(pixels) < 4 * _FOLDS:
        raise ValueError(f"images must hold at least {4 * _FOLDS} images, not {len(pixels)}")
    x, flat = as_float(pixels), flat_pixels(pixels)
    mean_image_error = (x - x.mean(dim=0)).square().mean().item()
    reference_error = squared_errors(reference, images, device=device).mean().item()
    gain = mean_image_error - reference_error
    if gain <= 0:
        raise ValueError(
            "reference reconstructs these images no better than their mean does (squared error "
            f"{reference_error:.4f} against {mean_image_error:.4f}): there is no gain to share"
        )

    def means(model: VAE) -> Float[Tensor, "n latent"]:
        return encode_images(model, images, device=device).mean

    fitted = flat if pca_images is None else flat_pixels(checked_images(encoder_from, pca_images))
    pca = fit_pca(fitted, encoder_from.latent_dim, seed=seed).transform(flat)
    codes = {
        "": means(encoder_from),
        "untrained": means(fresh_copy(encoder_from, seed=seed)),
        "pca": torch.from_numpy(pca),
    }
    goal, errors = means(decoder_from), {}
    for name, source in codes.items():
        drawn = _decode(decoder_from, _mapped(source, goal, seed), device)
        errors[name] = (drawn - x).square().mean().item()
    shares = {name: (mean_image_error - value) / gain for name, value in errors.items()}
    return StitchResult(
        share=shares.pop(""),
        baselines=shares,
        error=errors[""],
        reference_error=reference_error,
        mean_image_error=mean_image_error,
        n=len(pixels),
    )


def _mapped(
    codes: Float[Tensor, "n source"], goal: Float[Tensor, "n target"], seed: int
) -> Float[Tensor, "n target"]:
    """Predict each image's goal from its code, by a map that has not seen the image."""
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import KFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    folds = KFold(_FOLDS, shuffle=True, random_state=seed)
    ridge = make_pipeline(StandardScaler(), RidgeCV(alphas=_RIDGES))
    predicted = cross_val_predict(ridge, codes.double().numpy(), goal.double().numpy(), cv=folds)
    return torch.from_numpy(predicted).to(goal.dtype).reshape(goal.shape)


@torch.no_grad()
def _decode(
    model: VAE, codes: Float[Tensor, "n latent"], device: str | torch.device
) -> Float[Tensor, "n channels height width"]:
    with evaluation_mode(model, device) as target:
        parts = codes.split(_BATCH)
        return torch.cat([model.decode(part.to(target)).mean.cpu() for part in parts])
