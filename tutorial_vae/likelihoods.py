"""Distributions of pixels that PyTorch has not, or not exactly enough."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, constraints

# Below this |logit| the closed forms cancel, and the series is exact to 1e-13.
_SERIES_BELOW = 0.1


class ContinuousBernoulli(Distribution):
    r"""The continuous Bernoulli: a density over grey pixels in [0, 1] that integrates to 1.

    .. math:: \log p(x | \eta) = \eta x - A(\eta), \qquad A(\eta) = \log \frac{e^\eta - 1}{\eta}

    Up to a constant that depends on the logit η it is the Bernoulli's log-probability. A density
    may exceed 1, so log-likelihoods may be positive. Its mean is A′(η), not the logistic function
    of η, which is farther from ½.

    PyTorch's distribution of this name clamps the probability and expands in it around ½: in single
    precision its log-density is off by 0.2 nats a pixel at a logit of 20 and by 0.6 at 30, where
    its constant has no gradient left either, and its mean by 4e-4 next to ½. Everything here is a
    function of the logit, which has neither defect.

    Args:
        logits: η, of any shape; the distribution has the same batch shape.

    Reference: Loaiza-Ganem & Cunningham 2019.
    """

    arg_constraints = {"logits": constraints.real}  # noqa: RUF012
    support = constraints.unit_interval

    def __init__(self, logits: Float[Tensor, "*batch"]) -> None:
        self.logits = logits
        super().__init__(logits.shape, validate_args=False)

    @property
    def mean(self) -> Float[Tensor, "*batch"]:
        r"""Expected pixels, :math:`\tfrac12 + \tfrac12 \coth(\eta/2) - 1/\eta`."""
        small, safe = self._split()
        # Coefficients of the Taylor series at 0: the Bernoulli numbers 2k over (2k)!.
        square = self.logits.square()
        series = self.logits * (1 / 12 - square * (1 / 720 - square * (1 / 30240)))
        return 0.5 + torch.where(small, series, 0.5 / (safe / 2).tanh() - 1 / safe)

    def log_normaliser(self) -> Float[Tensor, "*batch"]:
        """Return A(η), the logarithm of the integral of exp(η x) over [0, 1]."""
        small, safe = self._split()
        square = self.logits.square()
        series = square * (1 / 24 - square * (1 / 2880 - square * (1 / 181440)))
        size = safe.abs()
        whole = safe.relu() + (-torch.expm1(-size) / size).log()
        return torch.where(small, self.logits / 2 + series, whole)

    def log_prob(self, value: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Return the log-density of each pixel.

        Args:
            value: pixels in [0, 1].
        """
        return self.logits * value - self.log_normaliser()

    @torch.no_grad()
    def sample(self, sample_shape: Sequence[int] = ()) -> Float[Tensor, "*shape"]:
        """Return pixels drawn by inverting the distribution function.

        Args:
            sample_shape: shape that comes before the batch shape.
        """
        logits = self.logits.expand(self._extended_shape(torch.Size(sample_shape)))
        uniform = torch.rand_like(logits)
        # Written for negative logits, where nothing overflows; a positive one mirrors the pixel.
        size = -logits.abs().clamp(min=1e-3)
        below = (uniform * size.expm1()).log1p() / size
        curved = torch.where(logits < 0, below, 1 - below)
        return torch.where(logits.abs() < 1e-3, uniform, curved)

    def _split(self) -> tuple[Tensor, Tensor]:
        """Return where logits are small, and logits that are safe to divide by."""
        small = self.logits.abs() < _SERIES_BELOW
        # The branch that `where` drops still has a gradient, which must not be NaN.
        return small, torch.where(small, torch.ones_like(self.logits), self.logits)
