"""What an argument may be."""

import math


def check_weight(name: str, value: float) -> None:
    """Refuse a weight or a number of nats that is negative, infinite or not a number."""
    if not 0 <= value < math.inf:
        raise ValueError(f"{name} must be a finite number of at least 0, not {value!r}")


def check_count(name: str, value: int) -> None:
    """Refuse a count that is no whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, not {value!r}")
