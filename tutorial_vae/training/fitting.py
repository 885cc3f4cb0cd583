"""Training a VAE."""

from typing import Unpack

from torch import Tensor, nn

from ..data import ImageSet
from ..data.imageset import image_tensor
from ..models import VAE
from ..objectives import BetaVAE
from .history import History
from .loop import optimise
from .options import TrainingOptions


def fit(
    model: VAE,
    images: ImageSet | Tensor,
    *,
    objective: nn.Module | None = None,
    **options: Unpack[TrainingOptions],
) -> History:
    """Train a model in place with Adam, and return what training went through.

    The whole set lies on the device as uint8 and is sliced by a seeded permutation, a new one each
    epoch; the last images of an epoch that do not fill a batch sit it out. Parameters that require
    no gradient are frozen, and modules that hold no others stay in evaluation mode, so that batch
    statistics stand still with them; all others train, whatever mode they came in. The global
    random state is left as it was. The model comes back to the device that it came from, and each
    part of it to its own mode.

    Args:
        model: the model to train.
        images: an image set, or a tensor of shape (n, channels, height, width) that holds uint8
            or floats in [0, 1] (rounded to 256 levels).
        objective: what to maximise; the evidence lower bound, :class:`BetaVAE` with β = 1, when
            it is not given.
        options: see :class:`TrainingOptions`.

    Returns:
        The history of the whole run, what came before a resumption included.

    Raises:
        DivergenceError, TypeError, FileNotFoundError: see :class:`TrainingOptions`.
        ValueError: the images have another shape than the model reads, or as there.
    """
    pixels = image_tensor(images)
    if tuple(pixels.shape[1:]) != model.image_shape:
        raise ValueError(
            f"images have the shape {tuple(pixels.shape[1:])}, but the model was made for "
            f"{model.image_shape}"
        )
    return optimise(
        model,
        BetaVAE() if objective is None else objective,
        [(pixels,)],
        maximised="elbo",
        description=[model.image_shape, model.latent_dim, model.architecture, model.likelihood],
        **options,
    )
