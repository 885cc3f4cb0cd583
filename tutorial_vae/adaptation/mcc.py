"""Minimum class confusion, which looks at predictions on the target alone."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ..checks import check_weight
from .classifiers import Classifier
from .method import Batch, Method


def class_confusion(
    logits: Float[Tensor, "batch classes"], temperature: float = 2.5
) -> Float[Tensor, ""]:
    r"""Share of a batch's predictions that classes have in common: the MCC loss.

    With :math:`p_i` the softmax of the logits over the temperature :math:`T`, and :math:`H` its
    entropy in nats,

    .. math::
        \begin{gathered}
        \frac1C \sum_c \sum_{c' \ne c} \frac{M_{cc'}}{\sum_{c''} M_{cc''}} , \cr
        M_{cc'} = \sum_i w_i\, p_{ic}\, p_{ic'} , \cr
        w_i \propto 1 + e^{-H(p_i)} .
        \end{gathered}

    The weights have the mean 1 and get no gradient, as in the authors' code.

    Args:
        logits: of C classes.
        temperature: :math:`T`.

    Returns:
        A number without unit: 0 where every prediction is certain, 1 - 1/C where all are uniform.

    Raises:
        ValueError: ``temperature`` is not a positive finite number.

    Reference: Jin et al. 2020.
    """
    _check_temperature(temperature)
    probabilities = (logits / temperature).softmax(dim=1)
    weighted = certainty(probabilities)[:, None] * probabilities
    correlations = weighted.T @ probabilities
    # A class that nobody finds likely has no predictions to share, nor to divide by.
    totals = correlations.sum(dim=1, keepdim=True).clamp(min=torch.finfo(logits.dtype).eps)
    shares = correlations / totals
    return (shares.sum() - shares.diagonal().sum()) / len(shares)


def _check_temperature(temperature: float) -> None:
    if not 0 < temperature < math.inf:
        raise ValueError(f"temperature must be a positive finite number, not {temperature!r}")


def certainty(probabilities: Float[Tensor, "batch classes"]) -> Float[Tensor, " batch"]:
    """Return 1 + exp(-entropy) of each prediction, over its mean, without gradient.

    Args:
        probabilities: rows that sum to 1.
    """
    weights = 1 + (-torch.special.entr(probabilities.detach()).sum(dim=1)).exp()
    return weights / weights.mean()


class MCC(Method):
    """Minimum class confusion: the penalty is ``strength * class_confusion`` of the target.

    It does not compare the domains: it asks that no target image be divided between classes.

    Args:
        strength: weight of the confusion, in nats per image.
        temperature: of the softmax in the confusion.

    Raises:
        ValueError: ``strength`` is negative or infinite, or ``temperature`` is not positive and
            finite.

    Reference: Jin et al. 2020.
    """

    compares_domains = True

    def __init__(self, strength: float = 1.0, *, temperature: float = 2.5) -> None:
        super().__init__()
        check_weight("strength", strength)
        _check_temperature(temperature)
        self.strength = strength
        self.temperature = temperature

    def penalty(self, classifier: Classifier, source: Batch, target: Batch) -> Float[Tensor, ""]:
        """Return the weighted confusion of the target batch."""
        return self.strength * class_confusion(target.logits, self.temperature)

    def extra_repr(self) -> str:
        """Name the settings, so that a checkpoint can tell one method from another."""
        return f"strength={self.strength}, temperature={self.temperature}"
