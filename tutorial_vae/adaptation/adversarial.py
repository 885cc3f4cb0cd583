"""What DANN and CDAN share: a discriminator that tries to tell the domains apart."""

from typing import Any

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.nn.functional import softplus

from ..checks import check_count, check_weight
from .classifiers import Classifier
from .method import Method


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


class Adversarial(Method):
    """What DANN and CDAN share: a discriminator, and a ramp that counts the steps."""

    compares_domains = True
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
        if steps is None:
            raise ValueError("the ramp needs the number of steps: give attach steps=")
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
            raise ValueError("the ramp needs the number of steps: call attach(..., steps=)")
        # 2 / (1 + exp(-10 p)) - 1, without its rounding near 0
        return torch.tanh(5 * self.steps_done / self.steps)

    def discrimination(
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
