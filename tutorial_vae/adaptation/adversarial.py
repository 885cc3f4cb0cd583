"""Adversarial methods: DANN and CDAN, whose discriminators try to tell the domains apart."""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from ..checks import check_count, check_weight
from .classifiers import Classifier
from .confusion import certainty
from .domain_method import SourceFeatures, SourceLogits, SourceOnly, TargetFeatures, TargetLogits

_LARGEST_PRODUCT = 4096  # columns; the paper's limit, beyond which it projects
_PROJECTED = 1024


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, strength: float | Tensor) -> Tensor:
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * gradients[0], None


def reverse_gradient(
    x: Float[Tensor, "*shape"], strength: float | Float[Tensor, ""] = 1.0
) -> Float[Tensor, "*shape"]:
    r"""Return ``x`` itself, and send its gradient back times :math:`-\lambda`.

    .. math:: R(x) = x, \qquad \frac{\mathrm{d} R}{\mathrm{d} x} = -\lambda I

    Whatever minimises a loss of the result makes it, through ``x``, larger.

    Args:
        x: anything that has a gradient.
        strength: :math:`\lambda`. It gets no gradient itself.

    Reference: Ganin et al. 2016.
    """
    return _Reversal.apply(x, strength)


class _Adversarial(SourceOnly):
    """What DANN and CDAN share: a discriminator, and a ramp that counts the steps."""

    steps_done: Tensor

    def __init__(self, feature_dim: int, inputs: int, strength: float, hidden: int) -> None:
        super().__init__()
        check_weight("strength", strength)
        check_count("hidden", hidden)
        self.feature_dim = feature_dim
        self.strength = strength
        self.hidden = hidden
        self.steps: int | None = None
        self.discriminator = nn.Sequential(
            nn.Linear(inputs, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 1),
        )
        self.register_buffer("steps_done", torch.zeros((), dtype=torch.int64))

    def attach(self, classifier: Classifier, steps: int) -> None:
        """Start the ramp anew for a training run. The discriminator stays as it is.

        Args:
            classifier: what will be trained.
            steps: of the whole run, over which the ramp rises.

        Raises:
            ValueError: the method was made for another classifier, or ``steps`` is less than 1.
        """
        check_count("steps", steps)
        if classifier.backbone.feature_dim != self.feature_dim:
            raise ValueError(
                f"feature_dim is {self.feature_dim}, but the backbone gives "
                f"{classifier.backbone.feature_dim} features: make the method with that number"
            )
        self.steps = steps
        self.steps_done.zero_()

    @property
    def ramp(self) -> Float[Tensor, ""]:
        """How much of the strength applies, from 0 at the start to nearly 1 at the end."""
        if self.steps is None:
            raise ValueError("the ramp needs the number of steps: call attach(classifier, steps)")
        # 2 / (1 + exp(-10 p)) - 1, without its rounding near 0
        return torch.tanh(5 * self.steps_done / self.steps)

    def _discrimination(
        self,
        source: Float[Tensor, "source inputs"],
        target: Float[Tensor, "target inputs"],
        source_weights: Float[Tensor, " source"] | None = None,
        target_weights: Float[Tensor, " target"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the discriminator's loss, and count the step."""
        rows = reverse_gradient(torch.cat([source, target]), self.strength * self.ramp)
        if self.training:
            self.steps_done += 1
        logits = self.discriminator(rows).squeeze(1)
        of_source, of_target = logits.split([len(source), len(target)])
        # Minus the logarithms of the probabilities that each is of its own domain.
        source_loss, target_loss = softplus(-of_source), softplus(of_target)
        if source_weights is not None and target_weights is not None:
            source_loss, target_loss = source_loss * source_weights, target_loss * target_weights
        return (source_loss.mean() + target_loss.mean()) / 2

    def extra_repr(self) -> str:
        """Name the settings, so that a checkpoint can tell one method from another."""
        return (
            f"feature_dim={self.feature_dim}, strength={self.strength}, hidden={self.hidden}, "
            f"steps={self.steps}"
        )


class DANN(_Adversarial):
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

    def penalty(
        self,
        classifier: Classifier,
        source_features: SourceFeatures,
        source_logits: SourceLogits,
        target_features: TargetFeatures,
        target_logits: TargetLogits,
    ) -> Float[Tensor, ""]:
        """Return the discriminator's loss on the features; in training mode, count a step.

        Raises:
            ValueError: :meth:`attach` was not called.
        """
        return self._discrimination(source_features, target_features)


class CDAN(_Adversarial):
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

    def attach(self, classifier: Classifier, steps: int) -> None:
        """Start the ramp anew for a training run. The discriminator stays as it is.

        Args:
            classifier: what will be trained.
            steps: of the whole run, over which the ramp rises.

        Raises:
            ValueError: the method was made for another classifier, or ``steps`` is less than 1.
        """
        if classifier.classes != self.classes:
            raise ValueError(
                f"classes is {self.classes}, but the classifier knows {classifier.classes} "
                "classes: make the method with that number"
            )
        super().attach(classifier, steps)

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

    def penalty(
        self,
        classifier: Classifier,
        source_features: SourceFeatures,
        source_logits: SourceLogits,
        target_features: TargetFeatures,
        target_logits: TargetLogits,
    ) -> Float[Tensor, ""]:
        """Return the discriminator's loss on the products; in training mode, count a step.

        Raises:
            ValueError: :meth:`attach` was not called.
        """
        of_source = source_logits.detach().softmax(dim=1)
        of_target = target_logits.detach().softmax(dim=1)
        return self._discrimination(
            self.products(source_features, of_source),
            self.products(target_features, of_target),
            *((certainty(of_source), certainty(of_target)) if self.entropy_conditioning else ()),
        )

    def extra_repr(self) -> str:
        """Name the settings, so that a checkpoint can tell one method from another."""
        return (
            f"{super().extra_repr()}, classes={self.classes}, "
            f"entropy_conditioning={self.entropy_conditioning}"
        )
