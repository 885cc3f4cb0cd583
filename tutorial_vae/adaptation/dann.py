"""DANN: features from which a discriminator cannot tell the domain."""

from typing import Any

from jaxtyping import Float
from torch import Tensor

from ..checks import check_count
from .adversarial import Adversarial
from .classifiers import Classifier
from .method import Batch


class DANN(Adversarial):
    r"""Domain-adversarial network: features from which a discriminator cannot tell the domain.

    With :math:`D(f)` the probability that the discriminator gives to "source", and :math:`R` the
    gradient reversal of :func:`reverse_gradient`, the penalty is the discriminator's loss

    .. math::
        \begin{gathered}
        -\tfrac{1}{2n} \sum_i \log D(R(f_i^s)) \cr
        {} - \tfrac{1}{2m} \sum_j \log\left(1 - D(R(f_j^t))\right)
        \end{gathered}

    in nats per image: log 2 where it is at a loss. The objective subtracts it and is maximised, so
    the discriminator makes the penalty small. The backbone gets the gradient of the penalty times
    :math:`-\lambda`, so it makes the same number large, and one backward pass trains both. Over
    the share p of the steps that are done, as counted in training mode,

    .. math:: \lambda = \text{strength} \left(\frac{2}{1 + e^{-10 p}} - 1\right) .

    A run therefore has a length from the start: its checkpoint does not go on to other ``steps``.

    Args:
        feature_dim: how many features the backbone gives.
        strength: of the reversed gradient at the end. The discriminator's own is not scaled.
        hidden: units in each of the discriminator's two hidden layers.

    Attributes:
        discriminator: the network from features to log D/(1 − D), initialised from PyTorch's
            global random state when the object is made.
        ramp: :math:`\lambda` over the strength, at the present step.

    Raises:
        ValueError: ``strength`` is negative or infinite, or a count is less than 1.

    Reference: Ganin et al. 2016, who add the two means which are averaged here.
    """

    def __init__(self, feature_dim: int, strength: float = 1.0, *, hidden: int = 256) -> None:
        check_count("feature_dim", feature_dim)
        super().__init__(feature_dim, feature_dim, strength, hidden)

    @classmethod
    def made_for(cls, classifier: Classifier, **options: Any) -> "DANN":
        """Return a method for the number of features that a classifier has.

        Args:
            classifier: what will be trained.
            options: those of the method itself, such as its strength.
        """
        return cls(feature_dim=classifier.backbone.feature_dim, **options)

    def penalty(self, classifier: Classifier, source: Batch, target: Batch) -> Float[Tensor, ""]:
        """Return the discriminator's loss on the features; in training mode, count a step.

        Raises:
            ValueError: :meth:`attach` was not called.
        """
        return self.discrimination(source.features, target.features)
