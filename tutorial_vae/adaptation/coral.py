"""CORAL: features of the two domains have one covariance."""

from jaxtyping import Float
from torch import Tensor

from ..checks import check_weight
from .classifiers import Classifier
from .method import Batch, Method


def check_rows(x: Tensor, y: Tensor) -> None:
    """Refuse a batch of fewer than 2 rows."""
    for name, batch in (("x", x), ("y", y)):
        if len(batch) < 2:
            raise ValueError(f"{name} must have at least 2 rows to compare, not {len(batch)}")


def coral_distance(
    x: Float[Tensor, "n features"], y: Float[Tensor, "m features"]
) -> Float[Tensor, ""]:
    r"""Squared distance between the covariances of two batches, the CORAL loss.

    .. math:: \frac{1}{4 d^2} \left\| C_x - C_y \right\|_F^2

    with :math:`d` features and covariances that divide by n - 1. Means do not matter.

    Args:
        x: features of one domain, at least 2 rows.
        y: features of the other, at least 2 rows.

    Returns:
        A number in the features' unit to the fourth power, at least 0.

    Raises:
        ValueError: a batch has fewer than 2 rows.

    Reference: Sun & Saenko 2016, equations 1 to 3.
    """
    check_rows(x, y)
    difference = _covariance(x) - _covariance(y)
    return difference.square().sum() / (4 * x.shape[1] ** 2)


def _covariance(x: Float[Tensor, "n features"]) -> Float[Tensor, "features features"]:
    centred = x - x.mean(dim=0)
    return centred.T @ centred / (len(x) - 1)


class CORAL(Method):
    """Correlation alignment: the penalty is ``strength * coral_distance`` of the features.

    The paper aligns the last layer, the logits; here it is the features, as in the other methods.

    Args:
        strength: weight of the distance, in nats per image and fourth power of the features' unit.
            The distance is divided by the squared number of features, so it is a small number.

    Raises:
        ValueError: ``strength`` is negative or infinite.

    Reference: Sun & Saenko 2016, equation 6.
    """

    compares_domains = True

    def __init__(self, strength: float = 10.0) -> None:
        super().__init__()
        check_weight("strength", strength)
        self.strength = strength

    def penalty(self, classifier: Classifier, source: Batch, target: Batch) -> Float[Tensor, ""]:
        """Return the weighted distance between the two batches' covariances.

        Raises:
            ValueError: a batch holds a single image.
        """
        return self.strength * coral_distance(source.features, target.features)

    def extra_repr(self) -> str:
        """Name the settings, so that a checkpoint can tell one method from another."""
        return f"strength={self.strength}"
