"""The alignment explorer: biased and unbiased CKA of two noisy layers that share a signal."""

import numpy as np

from tutorial_vae.explorer import Choice, ChoiceExplorer, script, style
from tutorial_vae.similarity import cka

from ..ch04_reparameterisation.gradient_explorer import seeded_noise

ESTIMATORS = ("biased", "unbiased")

_COUNTS = (10, 15, 20, 30, 40, 50, 70, 100)
_FEATURES = (2, 8, 32, 64, 128, 256, 512, 1024)
_SIGNALS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_DRAWS = 12
_SEED = 0


class AlignmentExplorer(ChoiceExplorer):
    r"""CKA of two layers whose true similarity is known, with sliders over what misleads it.

    The first layer X is standard normal noise; the second is
    :math:`Y = \sqrt c\, X + \sqrt{1 - c}\, E` with other noise E, so that the CKA of infinitely
    many images is c, the ``signal``. Twelve pairs are drawn; fewer images or features are the first
    rows or columns of the same noise. It comes from a seed, so the front end draws the same pairs.

    Args:
        n: number of images.
        p: number of features of either layer.
        signal: the true CKA.

    Attributes:
        n: number of images; follows its slider, and may be set.
        p: number of features; follows its slider, and may be set.
        signal: the true CKA; follows its slider, and may be set.

    Raises:
        ValueError: a choice is none of its slider's.
    """

    _esm = script(__file__)
    _css = style(__file__)

    n = Choice("images n", slider=True)
    p = Choice("features p", slider=True)
    signal = Choice("signal: the true CKA", slider=True)

    def __init__(self, *, n: int = 50, p: int = 1024, signal: float = 0.0) -> None:
        super().__init__(
            {"n": _COUNTS, "p": _FEATURES, "signal": _SIGNALS},
            {"n": n, "p": p, "signal": signal},
            draws=_DRAWS,
            seed=_SEED,
        )

    def _summary(self) -> str:
        return f"{self.n} images, {self.p} features, true CKA {self.signal:.2f}, {_DRAWS} draws"

    def draws(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the pairs of layers that are shown.

        Returns:
            X and Y, each of shape (12, n, p), in float64.
        """
        shape = (_DRAWS, 2, max(_COUNTS), max(_FEATURES))
        noise = seeded_noise(int(np.prod(shape)), seed=_SEED).reshape(shape)
        x, other = noise[:, 0, : self.n, : self.p], noise[:, 1, : self.n, : self.p]
        return x, np.sqrt(self.signal) * x + np.sqrt(1 - self.signal) * other

    def values(self) -> dict[str, np.ndarray]:
        """Return CKA of each pair that is shown, by both estimators.

        Returns:
            For ``"biased"`` and ``"unbiased"`` the values, of shape (12,).
        """
        pairs = list(zip(*self.draws(), strict=True))
        return {
            estimator: np.array([cka(x, y, estimator=estimator) for x, y in pairs])
            for estimator in ESTIMATORS
        }

    def expected_biased(self) -> float:
        r"""Return what the biased estimator gives where the truth is the signal.

        .. math:: c + (1 - c) \frac{p}{p + n}

        It is the ratio of the expected HSICs, which for this noise is exact; the mean of the ratio
        differs a little. At c = 0 it is the chance level.
        """
        return self.signal + (1 - self.signal) * self.p / (self.p + self.n)
