"""How alike the layers of two models are, with chance level, intervals and p-values."""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from .blocks import BlockSums
from .grams import Grams
from .kernels import RBF
from .measures import Coordinates

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes


# What a comparison keeps of the activations: enough for intervals and p-values.
KeptActivations = Grams | BlockSums | Coordinates


@dataclass(frozen=True, eq=False)
class LayerSimilarity:
    """Similarity of every layer of one model (rows) to every layer of another (columns).

    Attributes:
        values: the measure, CKA by default, float64, (rows, columns); NaN for a layer that does
            not tell images apart.
        rows: layer names of the first model.
        columns: layer names of the second model.
        chance: exact mean of each value over all n! ways of pairing the images, float64,
            (rows, columns): 0 for the unbiased estimator and RSA, and for Procrustes, which has no
            formula, the mean over 100 ways.
        n: number of images.
        kernel: the kernel that was used.
        estimator: the estimator that was used.
        measure: the measure that was used.
        controls: the same comparison with each control in place of the first model, by name.
    """

    values: np.ndarray
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    chance: np.ndarray
    n: int
    kernel: str | RBF
    estimator: str
    measure: str = "cka"
    controls: dict[str, "LayerSimilarity"] = field(default_factory=dict, repr=False)
    _kept: KeptActivations = field(kw_only=True, repr=False)

    def interval(
        self, level: float = 0.95, *, draws: int = 200, seed: int = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Interval for each value over the images, as if others had been drawn from their source.

        Each draw leaves out half of the images, without replacement, and computes the value again.
        For a mean of n terms of variance v, that of m of them spreads about the full one with
        variance (1/m − 1/n) v, which at m = n/2 is v/n: the variance of the full mean itself, with
        nothing to rescale. (For an odd n the spread is corrected by √(m/(n−m)).) A bootstrap would
        draw some images twice, and an image paired with its own copy is what the unbiased estimator
        leaves out. An RBF keeps the bandwidth of all images, RSA the ranks. Minibatches are halved
        one by one, which is conservative for small ones. Where images were compared in blocks,
        half of the blocks are left out, and Student's quantile allows for their number.

        Args:
            level: probability that the interval covers, between 0 and 1.
            draws: half-samples to take.
            seed: source of the half-samples.

        Returns:
            Lower and upper ends, each (rows, columns): the value ± the normal quantile times the
            spread of the half-samples about their mean. NaN where the value is.

        Raises:
            ValueError: fewer than 8 images, or an argument is outside what is said above.

        Reference: Shao & Tu 1995, section 2.3 (the delete-d jackknife).
        """
        from scipy.stats import t as student  # type: ignore[import-untyped]

        if not 0 < level < 1:
            raise ValueError(f"level must lie between 0 and 1, not {level!r}")
        if draws < 2:
            raise ValueError(f"draws must be at least 2, not {draws!r}")
        halves, share, freedom = self._kept.half_samples(draws, np.random.default_rng(seed))
        spread = halves.std(dim=0).numpy() * math.sqrt(share / (1 - share))
        reach = float(student.ppf((1 + level) / 2, freedom)) * spread
        return self.values - reach, self.values + reach

    def p_values(self, permutations: int = 200, *, seed: int = 0) -> np.ndarray:
        """Probability of a value at least as large when the images are paired at random.

        Args:
            permutations: random pairings, each shared by all pairs of layers.
            seed: source of the pairings.

        Returns:
            (1 + number of pairings that reach the value) / (1 + permutations), (rows, columns);
            NaN where the value is.

        Raises:
            ValueError: ``permutations`` is less than 1.

        Reference: Gretton et al. 2005; the added ones: Phipson & Smyth 2010.
        """
        if permutations < 1:
            raise ValueError(f"permutations must be at least 1, not {permutations!r}")
        observed, shuffled = self._kept.permuted(permutations, np.random.default_rng(seed))
        # Orders that differ by a swap of equal images tie, up to the rounding of float32.
        reached = (shuffled >= observed - 1e-6).sum(dim=0).numpy()
        return np.where(np.isnan(self.values), np.nan, (1 + reached) / (1 + permutations))

    def to_frame(self) -> "pandas.DataFrame":
        """Return the values as a pandas table."""
        import pandas

        return pandas.DataFrame(self.values, index=list(self.rows), columns=list(self.columns))

    def plot(self, ax: "Axes | None" = None) -> Any:
        """Draw the values as a heat map (see :func:`tutorial_vae.similarity.similarity_map`)."""
        from .maps import similarity_map

        return similarity_map(self, ax=ax)
