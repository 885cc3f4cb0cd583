"""CDAN: DANN whose discriminator knows what the classifier predicts."""

import math
from typing import Any

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from ..checks import check_count
from .adversarial import Adversarial
from .classifiers import Classifier
from .mcc import certainty
from .method import Batch

_LARGEST_PRODUCT = 4096  # columns; the paper's limit, beyond which it projects
_PROJECTED = 1024


class CDAN(Adversarial):
    r"""Conditional domain-adversarial network: DANN whose discriminator knows the prediction.

    The discriminator sees, in place of the features :math:`f`, their products with the predicted
    probabilities :math:`g`, all or, where they are more than 4096, a random projection to 1024:

    .. math:: f \otimes g \qquad \text{or} \qquad \tfrac{1}{\sqrt{1024}}\, (R_f f) \odot (R_g g)

    The matrices are standard normal and drawn once, so that inner products are kept on average. No
    gradient reaches the classifier through :math:`g`, as in the authors' code. Loss, signs and
    ramp are those of :class:`DANN`.

    Args:
        feature_dim: how many features the backbone gives.
        classes: how many classes the classifier knows.
        strength: of the reversed gradient at the end.
        hidden: units in each of the discriminator's two hidden layers.
        entropy_conditioning: whether images count for 1 + exp(-entropy of their prediction) in
            the loss, over the mean of that in their domain, without gradient: the paper's CDAN+E.

    Attributes:
        discriminator: the network from products to log D/(1 − D), initialised, as the projection
            is, from PyTorch's global random state when the object is made.
        ramp: as in :class:`DANN`.

    Raises:
        ValueError: ``strength`` is negative or infinite, or a count is less than 1.

    Reference: Long et al. 2018.
    """

    feature_projection: Tensor
    class_projection: Tensor

    def __init__(
        self,
        feature_dim: int,
        classes: int,
        strength: float = 1.0,
        *,
        hidden: int = 256,
        entropy_conditioning: bool = False,
    ) -> None:
        check_count("feature_dim", feature_dim)
        check_count("classes", classes)
        self.randomised = feature_dim * classes > _LARGEST_PRODUCT
        inputs = _PROJECTED if self.randomised else feature_dim * classes
        super().__init__(feature_dim, inputs, strength, hidden)
        self.classes = classes
        self.entropy_conditioning = entropy_conditioning
        if self.randomised:
            self.register_buffer("feature_projection", torch.randn(feature_dim, _PROJECTED))
            self.register_buffer("class_projection", torch.randn(classes, _PROJECTED))

    @classmethod
    def made_for(cls, classifier: Classifier, **options: Any) -> "CDAN":
        """Return a method for a classifier's numbers of features and classes.

        Args:
            classifier: what will be trained.
            options: those of the method itself, such as its strength.
        """
        return cls(classifier.backbone.feature_dim, classifier.classes, **options)

    def attach(
        self,
        classifier: Classifier,
        images: UInt8[Tensor, "n channels height width"],
        labels: Int[Tensor, " n"],
        *,
        steps: int | None = None,
    ) -> None:
        """Start the ramp anew for a training run. The discriminator stays as it is.

        Args:
            classifier: what will be trained.
            images: are not looked at.
            labels: nor are these.
            steps: of the whole run, over which the ramp rises.

        Raises:
            ValueError: the method was made for another classifier, or ``steps`` is missing or less
                than 1.
        """
        if classifier.classes != self.classes:
            raise ValueError(
                f"classes is {self.classes}, but the classifier knows {classifier.classes} "
                "classes: make the method with that number"
            )
        super().attach(classifier, images, labels, steps=steps)

    def products(
        self,
        features: Float[Tensor, "batch features"],
        probabilities: Float[Tensor, "batch classes"],
    ) -> Float[Tensor, "batch inputs"]:
        """Return what the discriminator sees, a row for each image.

        Args:
            features: :math:`f`.
            probabilities: :math:`g`.
        """
        if self.randomised:
            projected = features @ self.feature_projection
            return projected * (probabilities @ self.class_projection) / math.sqrt(_PROJECTED)
        return (features[:, :, None] * probabilities[:, None, :]).flatten(1)

    def penalty(self, classifier: Classifier, source: Batch, target: Batch) -> Float[Tensor, ""]:
        """Return the discriminator's loss on the products; in training mode, count a step.

        Raises:
            ValueError: :meth:`attach` was not called.
        """
        of_source = source.logits.detach().softmax(dim=1)
        of_target = target.logits.detach().softmax(dim=1)
        return self.discrimination(
            self.products(source.features, of_source),
            self.products(target.features, of_target),
            *((certainty(of_source), certainty(of_target)) if self.entropy_conditioning else ()),
        )

    def extra_repr(self) -> str:
        """Name the settings, so that a checkpoint can tell one method from another."""
        return (
            f"{super().extra_repr()}, classes={self.classes}, "
            f"entropy_conditioning={self.entropy_conditioning}"
        )
