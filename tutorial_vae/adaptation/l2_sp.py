"""L2-SP: weights stay near those of the start."""

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from ..checks import check_weight
from .classifiers import Classifier
from .method import Batch, Method


class L2SP(Method):
    r"""Hold the backbone's weights near those that it started with.

    .. math:: \Omega(w, v) = \frac\alpha2 \lVert w - w_0 \rVert^2 + \frac\beta2 \lVert v \rVert^2

    with all weights w of the backbone, their start :math:`w_0` (the "starting point" of the name)
    and all weights v of the head, biases included.

    Args:
        strength: α. The default is that with which Li et al. 2019 run this method.
        head_strength: β, by default that of both papers.

    Attributes:
        start: :math:`w_0` as one vector, once attached.

    Raises:
        ValueError: a strength is negative or infinite.

    Reference: Li, Grandvalet & Davoine 2018.
    """

    start: Tensor

    def __init__(self, strength: float = 0.01, *, head_strength: float = 0.01) -> None:
        super().__init__()
        check_weight("strength", strength)
        check_weight("head_strength", head_strength)
        self.strength = strength
        self.head_strength = head_strength

    def attach(
        self,
        classifier: Classifier,
        images: UInt8[Tensor, "n channels height width"],
        labels: Int[Tensor, " n"],
        *,
        steps: int | None = None,
    ) -> None:
        """Keep the start weights."""
        self.register_buffer("start", _weights(classifier.backbone).detach())

    def penalty(
        self, classifier: Classifier, source: Batch, target: Batch | None = None
    ) -> Float[Tensor, ""]:
        """Return half the weighted squared distances of the weights from the start and from 0."""
        moved = (_weights(classifier.backbone) - self.start).square().sum()
        return 0.5 * (self.strength * moved + self.head_strength * squared_norm(classifier.head))

    def extra_repr(self) -> str:
        """Name the settings, so that a checkpoint can tell one method from another."""
        return f"strength={self.strength}, head_strength={self.head_strength}"


def _weights(module: nn.Module) -> Float[Tensor, " parameters"]:
    return torch.cat([value.flatten() for value in module.parameters()])


def squared_norm(module: nn.Module) -> Float[Tensor, ""]:
    """Return the sum of the squares of all weights of a module, biases included."""
    return _weights(module).square().sum()
