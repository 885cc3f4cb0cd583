"""The gradient explorer: clouds of gradient estimates by three estimators around the truth."""

import numpy as np

from tutorial_vae.explorer import Choice, ChoiceExplorer, script, style

ESTIMATORS = ("score function", "score function, baseline", "reparameterised")

_SIGMAS = (0.05, 0.07, 0.1, 0.14, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.4, 2.0)
_DRAWS = (1, 2, 4, 8, 16, 32, 64)
_DIMENSIONS = (1, 2, 5, 10, 20, 32)
_REACHES = (3, 30, 300)
_ESTIMATES = 200
_SEED = 0


class GradientExplorer(ChoiceExplorer):
    r"""Clouds of gradient estimates around the true gradient, with sliders over what spreads them.

    What is estimated is the derivative, with respect to the first mean, of the expectation of
    :math:`f(z) = -\tfrac12 \lVert x - z \rVert^2` over :math:`z \sim \mathcal{N}(\mu, \sigma^2 I)`,
    where every :math:`x_j - \mu_j` is ``distance``; its true value is ``distance`` too. Each of the
    200 estimates of a cloud is the mean over ``draws`` draws. All three estimators see the same
    noise, which comes from a seed, so the front end draws the same clouds wherever it runs.

    Args:
        distance: :math:`x_j - \mu_j`, the same for each latent dimension.

    Attributes:
        sigma: width of the distribution; follows its slider, and may be set.
        draws: how many draws an estimate averages; follows its slider, and may be set.
        dimension: number of latent dimensions; follows its slider, and may be set.
        reach: how far the axis reaches to either side of the truth; follows its menu, and may be
            set.

    Raises:
        ValueError: ``distance`` is not a positive number, or a choice is none of its slider's.
    """

    _esm = script(__file__)
    _css = style(__file__)

    sigma = Choice("width σ of q", slider=True)
    draws = Choice("draws per estimate", slider=True)
    dimension = Choice("latent dimensions d", slider=True)
    reach = Choice("axis")

    def __init__(self, *, distance: float = 1.0) -> None:
        if not 0 < distance < float("inf"):
            raise ValueError(f"distance must be a positive number, not {distance!r}")
        super().__init__(
            {"sigma": _SIGMAS, "draws": _DRAWS, "dimension": _DIMENSIONS, "reach": _REACHES},
            {"sigma": 0.5, "draws": 1, "dimension": 10, "reach": 30},
            estimators=list(ESTIMATORS),
            estimates=_ESTIMATES,
            seed=_SEED,
            distance=float(distance),
        )

    def _summary(self) -> str:
        return f"{_ESTIMATES} estimates by {len(ESTIMATORS)} estimators"

    def estimates(self) -> dict[str, np.ndarray]:
        """Return the clouds that are shown: 200 estimates by each estimator.

        Returns:
            For each estimator its estimates, of shape (200,), in float64.
        """
        shape = (_ESTIMATES, max(_DRAWS), max(_DIMENSIONS))
        noise = seeded_noise(int(np.prod(shape)), seed=_SEED).reshape(shape)
        noise = noise[:, : self.draws, : self.dimension]
        away = self.data["distance"] - self.sigma * noise  # x − z
        value = -0.5 * np.square(away).sum(axis=2)
        score = noise[:, :, 0] / self.sigma
        baseline = -0.5 * self.dimension * (self.data["distance"] ** 2 + self.sigma**2)
        per_draw = (value * score, (value - baseline) * score, away[:, :, 0])
        return {name: each.mean(axis=1) for name, each in zip(ESTIMATORS, per_draw, strict=True)}

    def standard_deviations(self) -> dict[str, float]:
        r"""Return the exact standard deviation of each estimator, for the chosen values.

        With a baseline b, the variance of one draw's estimate is, for this quadratic,

        .. math:: (d + 1)\, \delta^2 + (\tfrac12 d + 1)\, \sigma^2 + (b - b^*)^2 / \sigma^2,
                  \qquad b^* = -\tfrac12 d\, (\delta^2 + \sigma^2) - \sigma^2

        where δ is ``distance`` and b* the best constant baseline. The baseline shown is the
        expectation of f, which lies σ² above b*. The reparameterised estimate has the variance σ².

        Returns:
            One number for each estimator.
        """
        distance, variance, d = self.data["distance"], self.sigma**2, self.dimension
        least = (d + 1) * distance**2 + (d / 2 + 1) * variance
        best = -d * (distance**2 + variance) / 2 - variance
        variances = (least + best**2 / variance, least + variance, variance)
        return {
            name: float(np.sqrt(each / self.draws))
            for name, each in zip(ESTIMATORS, variances, strict=True)
        }


def seeded_noise(count: int, *, seed: int) -> np.ndarray:
    """Return standard normal numbers that the front end can make again from the same seed.

    Uniform numbers come from Mulberry32, a generator of 32 bits whose every number depends on
    nothing but the seed and its own position; Box and Muller's transformation turns each two of
    them into two normal ones.

    Args:
        count: how many, an even number.
        seed: source of the numbers, from 0 to 2³² − 1.
    """
    mask = 0xFFFFFFFF

    def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a * b) & mask  # 64 bits hold the product of two numbers of 32

    position = np.arange(1, count + 1, dtype=np.uint64)
    state = (seed + position * 0x6D2B79F5) & mask
    mixed = product(state ^ (state >> 15), state | 1)
    mixed ^= (mixed + product(mixed ^ (mixed >> 7), mixed | 61)) & mask
    uniform = ((mixed ^ (mixed >> 14)) + 0.5) / 2**32
    radius, angle = np.sqrt(-2 * np.log(uniform[0::2])), 2 * np.pi * uniform[1::2]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).ravel()
