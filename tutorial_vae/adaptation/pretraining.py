"""Pre-training: what a backbone learns on the source, with labels, with pixels, or with neither."""

import math
from dataclasses import dataclass
from typing import NamedTuple, Unpack

import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float
from torch import Tensor, nn

from ..data import ImageSet
from ..data.imageset import image_tensor
from ..devices import own_random_state
from ..models import VAE
from ..training import History, TrainingOptions, fit, optimise
from ..training.options import complete_options
from .backbones import Backbone, VAEBackbone
from .classifiers import Classifier
from .fitting import fine_tune

KINDS = ("supervised", "generative", "contrastive")

_CROP = (0.6, 1.0)  # side of the part of the image that a view shows
_ROTATION = math.radians(15)
_CONTRAST = 0.4
_BRIGHTNESS = 0.2


class ContrastiveTerms(NamedTuple):
    """What contrastive learning maximises: minus the loss, in nats per view."""

    objective: Float[Tensor, ""]


@dataclass(frozen=True, eq=False)
class PretrainedBackbone:
    """A backbone that has been trained on a source.

    Attributes:
        backbone: the encoder up to its latent heads.
        kind: one of ``KINDS``.
        history: what training went through.
        classifier: the backbone with its head for the source's classes, after supervised
            pre-training only.
        vae: the whole model, after generative pre-training only; its encoder was copied.
    """

    backbone: VAEBackbone
    kind: str
    history: History
    classifier: Classifier | None = None
    vae: VAE | None = None


def pretrain(images: ImageSet, kind: str, **options: Unpack[TrainingOptions]) -> PretrainedBackbone:
    """Train the encoder of a VAE on a source in one of three ways, from the same start weights.

    ``"supervised"`` maximises the log-likelihood of the labels through a linear head,
    ``"generative"`` the evidence lower bound together with a decoder, and ``"contrastive"`` tells
    two views of one image from views of others (:class:`SimCLR`). The global random state is left
    as it was.

    Args:
        images: the source; labels are needed, and read, by ``"supervised"`` alone.
        kind: one of ``KINDS``.
        options: see :class:`tutorial_vae.training.TrainingOptions`. The seed is that of the start
            weights, the latent noise and the views too.

    Raises:
        ValueError: there is no such kind, the labels are missing, or an option is refused.

    Reference: the three kinds are those of Jiang et al. 2022, section 2.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
    shape = tuple(image_tensor(images).shape[1:])
    # As long for each kind.
    complete = complete_options(options)
    with own_random_state(torch.device("cpu"), complete["seed"]):
        vae = VAE(shape)
        if kind == "generative":
            history = fit(vae, images, **complete)
            return PretrainedBackbone(VAEBackbone(vae), kind, history, vae=vae)
        backbone = VAEBackbone(vae)
        if kind == "contrastive":
            contrasts = contrast(backbone, images, **complete)
            return PretrainedBackbone(backbone, kind, contrasts)
        classifier = Classifier(backbone, len(images.class_names))
        learnt = fine_tune(classifier, images, **complete)
    return PretrainedBackbone(backbone, kind, learnt, classifier=classifier)


def contrast(
    backbone: Backbone,
    images: ImageSet | Tensor,
    *,
    temperature: float = 0.5,
    **options: Unpack[TrainingOptions],
) -> History:
    """Train a backbone in place by contrast between images, without labels.

    Args:
        backbone: what is trained.
        images: an image set, or a tensor of shape (n, channels, height, width) that holds uint8
            or floats in [0, 1]; at least 2 images.
        temperature: of :func:`contrastive_loss`.
        options: see :class:`tutorial_vae.training.TrainingOptions`. A batch holds two views of
            each image; the seed is that of the projection's start weights and the views too.

    Raises:
        ValueError: the images have another shape than the backbone reads, there are fewer than 2,
            or an option is refused.
    """
    pixels = image_tensor(images)
    if tuple(pixels.shape[1:]) != backbone.image_shape or len(pixels) < 2:
        raise ValueError(
            f"images must be at least 2 of the shape {backbone.image_shape} that the backbone "
            f"reads, not {len(pixels)} of {tuple(pixels.shape[1:])}"
        )
    seed = complete_options(options)["seed"]
    with own_random_state(torch.device("cpu"), seed):
        objective = SimCLR(backbone.feature_dim, temperature=temperature)
    return optimise(
        backbone,
        objective,
        [(pixels,)],
        maximised="objective",
        description=[type(backbone).__name__, backbone.image_shape],
        **options,
    )


class SimCLR(nn.Module):
    """Contrast between views of images, as an objective: minus :func:`contrastive_loss`.

    Each image gives two random views (:func:`random_view`); a network of one hidden layer projects
    their features to 64 numbers, in which they are compared, and is thrown away afterwards.

    Args:
        feature_dim: of the backbone.
        temperature: of the loss.

    Raises:
        ValueError: ``temperature`` is not positive.

    Reference: Chen, Kornblith, Norouzi & Hinton 2020. Unlike there, views are neither mirrored,
    which would make other letters of some, nor blurred nor of other colours.
    """

    def __init__(self, feature_dim: int, *, temperature: float = 0.5) -> None:
        super().__init__()
        _check_temperature(temperature)
        self.temperature = temperature
        self.projection = nn.Sequential(nn.Linear(feature_dim, 128), nn.ReLU(), nn.Linear(128, 64))

    def forward(
        self, backbone: Backbone, x: Float[Tensor, "batch channels height width"]
    ) -> ContrastiveTerms:
        """Return minus the loss of a batch."""
        views = torch.cat((random_view(x), random_view(x)))
        first, second = self.projection(backbone(views)).float().chunk(2)
        return ContrastiveTerms(-contrastive_loss(first, second, temperature=self.temperature))

    def extra_repr(self) -> str:
        """Name the settings, so that a checkpoint can tell one objective from another."""
        return f"temperature={self.temperature}"


def contrastive_loss(
    first: Float[Tensor, "batch features"],
    second: Float[Tensor, "batch features"],
    *,
    temperature: float = 0.5,
) -> Float[Tensor, ""]:
    r"""Normalised temperature-scaled cross-entropy between two views of each image.

    With :math:`s_{ij}` the cosine of views :math:`i` and :math:`j` among all :math:`2n`, and
    :math:`i'` the other view of the image that :math:`i` shows,

    .. math::
        -\frac1{2n} \sum_i \log \frac{\exp(s_{ii'} / \tau)}{\sum_{j \ne i} \exp(s_{ij} / \tau)} .

    Args:
        first: projected features of one view of each image.
        second: of the other view, in the same order.
        temperature: :math:`\tau`.

    Returns:
        Nats per view: :math:`\log(2n - 1)` where nothing tells views apart.

    Raises:
        ValueError: the two have different shapes or fewer than 2 images, or ``temperature`` is not
            positive.

    Reference: Chen, Kornblith, Norouzi & Hinton 2020, equation 1.
    """
    if first.shape != second.shape or len(first) < 2:
        raise ValueError(
            "first and second must have one shape (batch, features), with a batch of at least 2, "
            f"not {tuple(first.shape)} and {tuple(second.shape)}"
        )
    _check_temperature(temperature)
    directions = F.normalize(torch.cat((first, second)), dim=1)
    logits = directions @ directions.T / temperature
    logits = logits.masked_fill(
        torch.eye(len(logits), dtype=torch.bool, device=logits.device), -math.inf
    )
    other = torch.arange(len(logits), device=logits.device).roll(len(first))
    return F.cross_entropy(logits, other)


def random_view(
    x: Float[Tensor, "batch channels height width"],
) -> Float[Tensor, "batch channels height width"]:
    """Return each image cropped, turned, shifted, and with another contrast and brightness.

    The crop's side is 0.6 to 1 of the image's and lies inside it before it is turned by up to 15°;
    what lies outside is black. Contrast changes by up to 40 %, brightness by up to 0.2.

    Args:
        x: images in [0, 1].
    """
    n, device = len(x), x.device

    def uniform(low: float, high: float) -> Float[Tensor, " batch"]:
        # On the CPU, so that every device sees the same views.
        return (torch.rand(n) * (high - low) + low).to(device)

    side, angle = uniform(*_CROP), uniform(-_ROTATION, _ROTATION)
    cos, sin = side * angle.cos(), side * angle.sin()
    across, down = (uniform(-1.0, 1.0) * (1 - side) for _ in range(2))
    places = torch.stack(
        (torch.stack((cos, -sin, across), dim=1), torch.stack((sin, cos, down), dim=1)), dim=1
    )
    grid = F.affine_grid(places, list(x.shape), align_corners=False)
    view = F.grid_sample(x, grid, align_corners=False)
    contrasts = uniform(1 - _CONTRAST, 1 + _CONTRAST).view(-1, 1, 1, 1)
    brightness = uniform(-_BRIGHTNESS, _BRIGHTNESS).view(-1, 1, 1, 1)
    return (view * contrasts + brightness).clamp(0, 1)


def _check_temperature(temperature: float) -> None:
    if not 0 < temperature < math.inf:
        raise ValueError(f"temperature must be a positive number, not {temperature!r}")
