"""BSS: the weakest directions of the features are weakened further."""

import torch
from jaxtyping import Float
from torch import Tensor

from ..checks import check_count, check_weight
from .classifiers import Classifier
from .method import Batch, Method


class BSS(Method):
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
        self, classifier: Classifier, source: Batch, target: Batch | None = None
    ) -> Float[Tensor, ""]:
        """Return the weighted sum of the smallest squared singular values."""
        images, features = source.features.shape
        if self.smallest > min(images, features):
            raise ValueError(
                f"smallest is {self.smallest}, but {images} images with {features} features have "
                f"only {min(images, features)} singular values: ask for fewer, or for a larger "
                "batch_size"
            )
        # Where training diverges the log-likelihood says so; the decomposition would only refuse.
        finite = source.features.nan_to_num(0, posinf=0, neginf=0)
        # Of the matrix itself, not of its product with itself: squaring loses half the digits.
        return self.strength * torch.linalg.svdvals(finite)[-self.smallest :].square().sum()

    def extra_repr(self) -> str:
        """Name the settings, so that a checkpoint can tell one method from another."""
        return f"strength={self.strength}, smallest={self.smallest}"
