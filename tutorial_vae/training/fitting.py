"""Training a VAE."""

import dataclasses
from typing import TYPE_CHECKING, Unpack

from torch import Tensor, nn

from ..data import ImageSet
from ..data.imageset import image_tensor
from ..models import VAE
from ..objectives import BetaVAE
from .loop import optimise
from .options import TrainingOptions

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
        History(),
        description=[model.image_shape, model.latent_dim, model.architecture, model.likelihood],
        **options,
    )
