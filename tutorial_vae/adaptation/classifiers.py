"""Classifiers on a backbone: what fine-tuning and domain adaptation train."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from ..data import ImageSet
from ..data.imageset import as_float, image_tensor
from ..devices import evaluation_mode
from .backbones import Backbone


class Terms(NamedTuple):
    """What a transfer method maximises and its two parts, means over a batch, in nats per image.

    ``objective`` is ``log_likelihood - penalty``, and is maximised; ``log_likelihood`` is that of
    the labels.
    """

    objective: Float[Tensor, ""]
    log_likelihood: Float[Tensor, ""]
    penalty: Float[Tensor, ""]


class Classifier(nn.Module):
    """A backbone and a linear head on its features.

    Args:
        backbone: what gives the features. It is taken as it is, not copied.
        classes: how many classes there are, at least 2.

    Attributes:
        backbone: as given.
        head: the linear layer from features to logits, with fresh weights.
        classes: as given.
        image_shape: what the backbone reads.

    Raises:
        ValueError: ``classes`` is less than 2.
    """

    def __init__(self, backbone: Backbone, classes: int) -> None:
        super().__init__()
        if isinstance(classes, bool) or not isinstance(classes, int) or classes < 2:
            raise ValueError(f"classes must be a whole number of at least 2, not {classes!r}")
        self.backbone = backbone
        self.classes = classes
        self.image_shape = backbone.image_shape
        self.head = nn.Linear(backbone.feature_dim, classes)

    @property
    def structure(self) -> list[Any]:
        """What tells a classifier from others in a checkpoint: kind and sizes of its parts."""
        shapes = [list(value.shape) for value in self.backbone.parameters()]
        return [type(self.backbone).__name__, shapes, self.classes]

    def features(
        self, x: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch features"]:
        """Return the features of images in [0, 1]."""
        return self.backbone(x)

    def forward(
        self, x: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch classes"]:
        """Return the logits of images in [0, 1]."""
        return self.head(self.features(x))


@torch.no_grad()
def predict(
    classifier: Classifier, images: ImageSet | Tensor, *, batch_size: int = 1024
) -> Float[Tensor, "n classes"]:
    """Return a classifier's logits for images, in evaluation mode, on the CPU.

    Args:
        classifier: left in the mode that it came in, part by part.
        images: an image set, or a tensor of shape (n, channels, height, width) that holds uint8
            or floats in [0, 1].
        batch_size: images at a time.

    Raises:
        ValueError: the images have another shape than the classifier reads.
    """
    pixels = pixels_for(classifier, images)
    with evaluation_mode(classifier) as device:
        return torch.cat(
            [
                classifier(as_float(part.to(device))).float().cpu()
                for part in pixels.split(batch_size)
            ]
        )


def accuracy(classifier: Classifier, images: ImageSet, *, batch_size: int = 1024) -> float:
    """Return the share of labelled images to which a classifier gives the right class.

    Args:
        classifier: left in the mode that it came in, part by part.
        images: with labels.
        batch_size: images at a time.

    Raises:
        ValueError: the images have no labels, classes that the classifier lacks, or another shape.
    """
    pixels, labels = labelled(images, classifier)
    right = predict(classifier, pixels, batch_size=batch_size).argmax(dim=1) == labels
    return float(right.double().mean())


def labelled(
    images: ImageSet, classifier: Classifier, name: str = "images"
) -> tuple[UInt8[Tensor, "n channels height width"], Int[Tensor, " n"]]:
    """Return the pixels and labels of images that suit a classifier.

    Args:
        images: with labels.
        classifier: what they are for.
        name: of the argument, for the error.

    Raises:
        TypeError: ``images`` is no image set.
        ValueError: the images have no labels, classes that the classifier lacks, or another shape.
    """
    if not isinstance(images, ImageSet):
        raise TypeError(f"{name} must be an ImageSet with labels, not {type(images).__name__}")
    pixels = pixels_for(classifier, images, name)
    if images.labels is None:
        raise ValueError(f"{name} ({images.name}) have no labels, which training a class needs")
    if int(images.labels.max()) >= classifier.classes:
        raise ValueError(
            f"{name} have labels up to {int(images.labels.max())}, but the classifier knows "
            f"{classifier.classes} classes, from 0"
        )
    return pixels, images.labels


def pixels_for(
    classifier: Classifier, images: ImageSet | Tensor, name: str = "images"
) -> UInt8[Tensor, "n channels height width"]:
    """Return images that suit a classifier as uint8.

    Args:
        classifier: what they are for.
        images: an image set, or a tensor of shape (n, channels, height, width) that holds uint8
            or floats in [0, 1].
        name: of the argument, for the error.

    Raises:
        ValueError: the images have another shape than the classifier reads.
    """
    pixels = image_tensor(images)
    if tuple(pixels.shape[1:]) != classifier.image_shape:
        raise ValueError(
            f"{name} must have the shape (n, {', '.join(map(str, classifier.image_shape))}) that "
            f"the classifier reads, not {tuple(pixels.shape)}"
        )
    return pixels
