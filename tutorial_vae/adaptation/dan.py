"""DAN: features of the two domains have one distribution, as kernels see it."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ..checks import check_weight
from ..similarity.kernels import ESTIMATORS
from .classifiers import Classifier
from .coral import check_rows
from .method import Batch, Method

_MULTIPLES = (0.25, 0.5, 1.0, 2.0, 4.0)


def multi_kernel_mmd(
    x: Float[Tensor, "n features"],
    y: Float[Tensor, "m features"],
    *,
    multiples: Sequence[float] = _MULTIPLES,
    estimator: str = "unbiased",
) -> Float[Tensor, ""]:
    r"""Squared maximum mean discrepancy of two domains from a batch of each, with RBF kernels.

    .. math::
        \begin{gathered}
        \overline{k(x_i, x_j)} + \overline{k(y_i, y_j)} \cr
        {} - 2\, \overline{k(x_i, y_j)} , \cr
        k(a, b) = \sum_u \exp\!\left(-\frac{\|a - b\|^2}{u\, s}\right)
        \end{gathered}

    Bars are means over pairs, and :math:`s` is the mean squared distance between different rows of
    the two batches together, through which no gradient flows; so the unit of the features does
    not matter.

    ``"unbiased"`` leaves the pairs of a row with itself out of the first two means. Two batches of
    one distribution then give 0 on average, now a little more, now less, and a batch against
    itself gives less. ``"biased"`` keeps them: never negative, and 0 for a batch against itself up
    to rounding, but two batches of one distribution give
    :math:`(1/n + 1/m) \left(k(a, a) - \mathbb E\, k(a, b)\right)` on average. Minimised, that
    excess draws features together which differ in nothing but chance.

    Args:
        x: features of one domain.
        y: features of the other.
        multiples: the factors :math:`u`, one for each kernel.
        estimator: ``"unbiased"`` or ``"biased"``.

    Returns:
        A number without unit, at most twice the number of kernels.

    Raises:
        ValueError: ``multiples`` is empty or holds a number that is not positive and finite,
            ``estimator`` is unknown, or a batch has fewer than 2 rows.

    Reference: Long et al. 2015; the estimates are equations 3 and 5 of Gretton et al. 2012.
    """
    if not multiples or not all(0 < multiple < math.inf for multiple in multiples):
        raise ValueError(f"multiples must be positive finite numbers, not {tuple(multiples)!r}")
    if estimator not in ESTIMATORS:
        raise ValueError(f"estimator must be one of {ESTIMATORS}, not {estimator!r}")
    check_rows(x, y)
    rows = torch.cat([x, y])
    # Distances are the same from any origin; near the mean their differences lose least.
    rows = rows - rows.mean(dim=0)
    squares = rows.square().sum(dim=1)
    distances = (squares[:, None] + squares - 2 * rows @ rows.T).clamp(min=0)
    mean = distances.detach().sum() / (len(rows) * (len(rows) - 1))
    scale = torch.where(mean > 0, mean, 1)  # rows that are all alike have no scale of their own
    kernel = torch.stack([(-distances / (u * scale)).exp() for u in multiples]).sum(dim=0)
    n = len(x)
    within = [kernel[:n, :n], kernel[n:, n:]]
    if estimator == "biased":
        means = [block.mean() for block in within]
    else:
        means = [(b.sum() - b.trace()) / (len(b) * (len(b) - 1)) for b in within]
    return means[0] + means[1] - 2 * kernel[:n, n:].mean()


class DAN(Method):
    """Deep adaptation network: the penalty is ``strength * multi_kernel_mmd`` of the features.

    The estimate is the unbiased one, so features that differ by chance alone are left in peace,
    and the penalty may fall a little below 0. Unlike in the paper, the kernels have equal weights,
    which are not learnt, and the estimate takes all pairs rather than linear time.

    Args:
        strength: weight of the discrepancy, in nats per image.
        logits: whether the discrepancy of the logits is added to that of the features; the paper
            adapts both.

    Raises:
        ValueError: ``strength`` is negative or infinite.

    Reference: Long et al. 2015.
    """

    compares_domains = True

    def __init__(self, strength: float = 1.0, *, logits: bool = False) -> None:
        super().__init__()
        check_weight("strength", strength)
        self.strength = strength
        self.logits = logits

    def penalty(self, classifier: Classifier, source: Batch, target: Batch) -> Float[Tensor, ""]:
        """Return the weighted discrepancy between the two batches."""
        discrepancy = multi_kernel_mmd(source.features, target.features)
        if self.logits:
            discrepancy = discrepancy + multi_kernel_mmd(source.logits, target.logits)
        return self.strength * discrepancy

    def extra_repr(self) -> str:
        """Name the settings, so that a checkpoint can tell one method from another."""
        return f"strength={self.strength}, logits={self.logits}"
