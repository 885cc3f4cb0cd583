"""A value with its interval, against closed forms and published values."""

import pytest

from tutorial_vae.estimates import Estimate


@pytest.mark.parametrize("value", [-0.25, 0.5])
def test_an_estimate_reaches_as_far_on_both_sides(value: float) -> None:
    assert Estimate.around(value, 0.5) == (value, value - 0.5, value + 0.5)


# Newcombe 1998, table I, method 3 (Wilson's score interval without continuity correction).
@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_shares_have_the_published_intervals(correct: int, n: int, low: float, high: float) -> None:
    assert Estimate.of_share(correct, n) == pytest.approx((correct / n, low, high), abs=5e-5)
