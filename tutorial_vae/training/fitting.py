"""Training a VAE."""

import dataclasses
import os
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ..data import ImageSet
from ..data.imageset import image_tensor
from ..models import VAE
from ..objectives import BetaVAE
from .loop import optimise

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True)
class History:
    """What training went through: one row for every 25 steps, averaged over them.

    Attributes:
        step: number of the last step of each row, counted from 1.
        elbo: the objective that was maximised, mean per image in nats.
        log_likelihood: its reconstruction part, mean per image in nats.
        kl: unweighted KL, mean per image in nats.
        seconds: time spent training up to each row, without time between a stop and a resumption.
    """

    step: list[int] = dataclasses.field(default_factory=list)
    elbo: list[float] = dataclasses.field(default_factory=list)
    log_likelihood: list[float] = dataclasses.field(default_factory=list)
    kl: list[float] = dataclasses.field(default_factory=list)
    seconds: list[float] = dataclasses.field(default_factory=list)

    def __len__(self) -> int:
        return len(self.step)

    def to_frame(self) -> "pandas.DataFrame":
        """Return the rows as a pandas table (pandas has to be installed)."""
        import pandas

        return pandas.DataFrame(dataclasses.asdict(self))

    def plot(self) -> "Figure":
        """Draw ELBO, log-likelihood and KL against the training step."""
        from .curves import training_curves

        return training_curves(self)


def fit(
    model: VAE,
    images: ImageSet | Tensor,
    *,
    objective: nn.Module | None = None,
    steps: int = 2000,
    batch_size: int = 64,
    lr: float = 1e-3,
    seed: int = 0,
    device: str | torch.device = "auto",
    precision: str = "32",
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = True,
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
        steps: number of optimiser steps in all, those before a resumption included.
        batch_size: images per step; all of them when there are fewer.
        lr: Adam's learning rate.
        seed: source of the batches and of the latent noise. The start weights are the model's.
        device: ``"auto"`` (CUDA, else MPS, else CPU) or the name of a device.
        precision: ``"32"``, or ``"bf16"`` for bfloat16 autocast in channels-last layout.
        checkpoint: file that holds everything needed to go on, replaced in one step about every
            ten seconds and at the end. When it exists, training goes on from it and ends, on the
            same machine, with the same weights bit for bit as a run that was never stopped. It
            holds tensors and text, no code.
        progress: whether to show a progress bar.

    Returns:
        The history of the whole run, what came before a resumption included.

    Raises:
        DivergenceError: the loss or a weight was not finite, or the loss ran away. The checkpoint,
            if there is one, keeps the last good state.
        ValueError: an argument is outside what is said above, or ``checkpoint`` belongs to another
            run.
        FileNotFoundError: the folder of ``checkpoint`` does not exist.
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
        History(),
        description=[model.image_shape, model.latent_dim, model.architecture, model.likelihood],
        steps=steps,
        batch_size=batch_size,
        lr=lr,
        seed=seed,
        device=device,
        precision=precision,
        checkpoint=checkpoint,
        progress=progress,
    )
