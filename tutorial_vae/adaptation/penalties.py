"""Penalties on weights and on features."""

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from ..checks import check_count, check_weight
from .classifiers import Classifier
from .method import FineTuning


class L2SP(FineTuning):
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
    ) -> None:
        """Keep the start weights."""
        self.register_buffer("start", _weights(classifier.backbone).detach())

    def penalty(
        self,
        classifier: Classifier,
        x: Float[Tensor, "batch channels height width"],
        features: Float[Tensor, "batch features"],
        logits: Float[Tensor, "batch classes"],
        labels: Int[Tensor, " batch"],
    ) -> Float[Tensor, ""]:
        """Return half the weighted squared distances of the weights from the start and from 0."""
        moved = (_weights(classifier.backbone) - self.start).square().sum()
        return 0.5 * (self.strength * moved + self.head_strength * squared_norm(classifier.head))

    def extra_repr(self) -> str:
        """Name the settings, so that a checkpoint can tell one method from another."""
        return f"strength={self.strength}, head_strength={self.head_strength}"


class BSS(FineTuning):
    r"""Batch spectral shrinkage: weaken the directions in which a batch's features vary least.

    .. math:: \Omega(F) = \eta \sum_{i=1}^{k} \sigma_{-i}(F)^2

    with the k smallest of the min(batch, features) singular values of the batch's (batch, features)
    matrix F, which is not centred.

    Args:
        strength: η, by default the paper's.
        smallest: k, by default the paper's.

    Raises:
        ValueError: the strength is negative or infinite, or ``smallest`` is less than 1; and, in
            training, when it exceeds the number of singular values.

    Reference: Chen et al. 2019.
    """

    def __init__(self, strength: float = 0.001, *, smallest: int = 1) -> None:
        super().__init__()
        check_weight("strength", strength)
        check_count("smallest", smallest)
        self.strength = strength
        self.smallest = smallest

    def penalty(
        self,
        classifier: Classifier,
        x: Float[Tensor, "batch channels height width"],
        features: Float[Tensor, "batch features"],
        logits: Float[Tensor, "batch classes"],
        labels: Int[Tensor, " batch"],
    ) -> Float[Tensor, ""]:
        """Return the weighted sum of the smallest squared singular values."""
        if self.smallest > min(features.shape):
            raise ValueError(
                f"smallest is {self.smallest}, but {features.shape[0]} images with "
                f"{features.shape[1]} features have only {min(features.shape)} singular values: "
                "ask for fewer, or for a larger batch_size"
            )
        # Where training diverges the log-likelihood says so; the decomposition would only refuse.
        finite = features.to(classifier.head.weight.dtype).nan_to_num(0, posinf=0, neginf=0)
        # Of the matrix itself, not of its product with itself: squaring loses half the digits.
        return self.strength * torch.linalg.svdvals(finite)[-self.smallest :].square().sum()

    def extra_repr(self) -> str:
        """Name the settings, so that a checkpoint can tell one method from another."""
        return f"strength={self.strength}, smallest={self.smallest}"


def _weights(module: nn.Module) -> Float[Tensor, " parameters"]:
    return torch.cat([value.flatten() for value in module.parameters()])


def squared_norm(module: nn.Module) -> Float[Tensor, ""]:
    """Return the sum of the squares of all weights of a module, biases included."""
    return _weights(module).square().sum()
