"""The one type for a measured value with its interval, and the intervals that have a formula."""

from typing import Any, NamedTuple


class Estimate(NamedTuple):
    """A measured number, or an array of them, with its 95 % interval.

    The ends are NaN where there is no interval.

    Attributes:
        value: what was measured.
        low: lower end.
        high: upper end, of the same shape.
    """

    # Numbers or arrays. A generic named tuple would tell them apart, but beartype knows none.
    value: Any
    low: Any
    high: Any

    @classmethod
    def around(cls, value: float, reach: float) -> "Estimate":
        """An interval of the same reach on both sides."""
        return Estimate(float(value), float(value - reach), float(value + reach))

    @classmethod
    def of_share(cls, correct: int, n: int) -> "Estimate":
        """A share of ``n`` with Wilson's interval.

        Args:
            correct: how many of ``n``.
            n: how many in all, at least 1.

        Reference: Wilson 1927.
        """
        from scipy.stats import binomtest  # type: ignore[import-untyped]

        ends = binomtest(correct, n).proportion_ci(method="wilson")
        return Estimate(correct / n, float(ends.low), float(ends.high))
