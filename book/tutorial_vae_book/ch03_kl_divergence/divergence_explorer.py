"""The divergence explorer: two Gaussians to slide, and the KL divergence in both directions."""

import math
from typing import Any

import traitlets

from tutorial_vae.explorer import Explorer, script, style

# Least value, greatest value and step of each slider. Widths stop short of 0, where the
# divergence is infinite.
_RANGES = {"mean": (-3.0, 3.0, 0.1), "std": (0.2, 3.0, 0.1)}


class DivergenceExplorer(Explorer):
    """Two Gaussians with sliders for means and widths, and both KL divergences between them.

    The front end computes everything in closed form, so it works without a kernel. Under the two
    densities it draws what the divergences integrate, with the areas that add and those that
    subtract.

    Args:
        mean_q: mean of q.
        std_q: standard deviation of q.
        mean_p: mean of p.
        std_p: standard deviation of p.

    Attributes:
        mean_q: follows its slider, and may be set; so do the other three.

    Raises:
        ValueError: a mean is outside -3 to 3, or a standard deviation outside 0.2 to 3.
    """

    _esm = script(__file__)
    _css = style(__file__)

    mean_q = traitlets.Float().tag(sync=True)
    std_q = traitlets.Float().tag(sync=True)
    mean_p = traitlets.Float().tag(sync=True)
    std_p = traitlets.Float().tag(sync=True)

    def __init__(
        self,
        *,
        mean_q: float = 1.0,
        std_q: float = 0.5,
        mean_p: float = 0.0,
        std_p: float = 1.0,
    ) -> None:
        data = {name: list(values) for name, values in _RANGES.items()}
        super().__init__(data=data, mean_q=mean_q, std_q=std_q, mean_p=mean_p, std_p=std_p)

    def _summary(self) -> str:
        forward, backward = self.divergences
        return f"KL(q‖p) = {forward:.3f} nats, KL(p‖q) = {backward:.3f} nats"

    @traitlets.validate("mean_q", "std_q", "mean_p", "std_p")
    def _within_range(self, proposal: Any) -> float:
        low, high, _ = _RANGES[proposal["trait"].name.partition("_")[0]]
        return self._between(low, high, proposal)

    @property
    def divergences(self) -> tuple[float, float]:
        """KL(q‖p) and KL(p‖q), in nats."""
        q, p = (self.mean_q, self.std_q), (self.mean_p, self.std_p)
        return _divergence(*q, *p), _divergence(*p, *q)


def _divergence(mean: float, std: float, other_mean: float, other_std: float) -> float:
    """KL divergence of one Gaussian from another, in nats."""
    spread = std**2 + (mean - other_mean) ** 2
    return math.log(other_std / std) + spread / (2 * other_std**2) - 0.5
