"""The bound explorer: slide an approximate posterior over the true one, and watch bound and gap."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tutorial_vae.explorer import Choice, ChoiceExplorer, Range, script, style

# A Gaussian density of this width is 1 at its top; below it some log-densities would be positive
# and the bars would no longer all point one way.
_SMALLEST_NOISE = 1 / math.sqrt(2 * math.pi)
# Least value, greatest value and step of both sliders.
_RANGES = {"mean": (-3.0, 3.0, 0.05), "log_width": (-2.5, 1.0, 0.05)}


class BoundParts(NamedTuple):
    """Bound and log-likelihood of one pixel, and what lies between them, all in nats.

    ``elbo`` is ``reconstruction - kl``, and up to rounding also ``log_likelihood - gap``.

    Attributes:
        log_likelihood: log p(x).
        elbo: the evidence lower bound.
        gap: KL divergence from the approximate to the true posterior.
        reconstruction: mean of log p(x|z) over the approximate posterior.
        kl: KL divergence from the approximate posterior to the prior.
    """

    log_likelihood: float
    elbo: float
    gap: float
    reconstruction: float
    kl: float


@dataclass(frozen=True)
class ScalarModel:
    """One latent and one pixel: z ~ N(0, 1), x ~ N(f(z), noise²), with a polynomial f.

    Attributes:
        decoder: coefficients of f, the constant first: ``(0, 1)`` is f(z) = z.
        x: value of the pixel.
        noise: standard deviation of the pixel given z; at least 0.4.

    Raises:
        ValueError: a number is not finite, there is no coefficient, or the noise is too small.
    """

    decoder: tuple[float | int, ...]
    x: float
    noise: float

    def __post_init__(self) -> None:
        if not self.decoder or not all(map(math.isfinite, self.decoder)):
            raise ValueError(f"decoder must hold finite coefficients, got {self.decoder!r}")
        if not math.isfinite(self.x):
            raise ValueError(f"x must be finite, got {self.x!r}")
        if not _SMALLEST_NOISE <= self.noise < math.inf:
            raise ValueError(f"noise must be finite and at least 0.4, got {self.noise!r}")

    def log_joint(self, z: np.ndarray) -> np.ndarray:
        """Return log p(x, z) at each of the latents, in nats."""
        return self._log_pixel(z) + _log_normal(z, 0.0, 1.0)

    def parts(self, mean: float, width: float) -> BoundParts:
        """Return bound, log-likelihood and gap for q(z) = N(mean, width²), by quadrature.

        Args:
            mean: mean of the approximate posterior.
            width: its standard deviation.
        """
        everywhere = np.linspace(-9, 9, 18_001)  # the prior leaves nothing beyond
        # For smooth functions that die off, a sum over an even grid is exact to rounding.
        evidence = np.exp(self.log_joint(everywhere)).sum() * (everywhere[1] - everywhere[0])
        log_likelihood = math.log(evidence)
        steps = np.linspace(-9, 9, 361)
        weights = np.exp(_log_normal(steps, 0.0, 1.0)) * (steps[1] - steps[0])
        z = mean + width * steps
        reconstruction = float(weights @ self._log_pixel(z))
        kl = 0.5 * (mean**2 + width**2 - 1) - math.log(width)
        log_ratio = _log_normal(z, mean, width) - (self.log_joint(z) - log_likelihood)
        return BoundParts(
            log_likelihood=log_likelihood,
            elbo=reconstruction - kl,
            gap=float(weights @ log_ratio),
            reconstruction=reconstruction,
            kl=kl,
        )

    def _log_pixel(self, z: np.ndarray) -> np.ndarray:
        return _log_normal(self.x, np.polynomial.Polynomial(self.decoder)(z), self.noise)


class BoundExplorer(ChoiceExplorer):
    """An approximate posterior with sliders over a known true one, with bound and gap as bars.

    The state holds a few numbers per model; the front end integrates by itself, so it works with a
    kernel and without one.

    Args:
        models: models to choose from, by the name that the menu shows.

    Attributes:
        choice: name of the chosen model; follows the menu, and may be set.
        mean: mean of q; follows its slider, and may be set.
        log_width: logarithm of the standard deviation of q; follows its slider, and may be set.

    Raises:
        ValueError: there is no model.

    Example:
        >>> explorer = BoundExplorer({"one peak": ScalarModel((0, 1), x=1.5, noise=0.5)})
    """

    _esm = script(__file__)
    _css = style(__file__)

    choice = Choice("true posterior")
    mean = Range("mean μ of q")
    log_width = Range("width σ of q")

    def __init__(self, models: Mapping[str, ScalarModel]) -> None:
        if not models:
            raise ValueError("models is empty; give at least one model")
        # The first view is the prior, the answer of an encoder that has not looked at the pixel.
        super().__init__(
            {"choice": models, **_RANGES},
            {"mean": 0.0, "log_width": 0.0},
            ranges={name: list(ends) for name, ends in _RANGES.items()},
            models={
                name: {"decoder": list(model.decoder), "x": model.x, "noise": model.noise}
                for name, model in models.items()
            },
        )

    def _summary(self) -> str:
        return ", ".join(self.data["models"])

    @property
    def parts(self) -> BoundParts:
        """Bound, log-likelihood and gap where the controls stand, in nats."""
        chosen = self.data["models"][self.choice]
        model = ScalarModel(tuple(chosen["decoder"]), chosen["x"], chosen["noise"])
        return model.parts(self.mean, math.exp(self.log_width))


def _log_normal(
    value: float | np.ndarray, mean: float | np.ndarray, width: float | np.ndarray
) -> np.ndarray:
    return -0.5 * ((value - mean) / width) ** 2 - np.log(width) - 0.5 * math.log(2 * math.pi)
