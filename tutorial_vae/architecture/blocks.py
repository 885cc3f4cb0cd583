"""Blocks: the candidates of a stage, and the stage around them."""

import copy
import math
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

_WIDTHS = {0.5: " narrow", 1.0: "", 2.0: " wide"}
_DEPTHS = {1: "", 2: " twice"}


@dataclass(frozen=True)
class Candidate:
    """What a block can be: so many residual units in a row, or nothing at all.

    Args:
        kernel: side of the units' convolutions in pixels, odd.
        width: channels inside a unit, as a multiple of those that it reads and returns.
        depth: how many units; with 0 the block is the skip, which returns what it reads.

    Raises:
        ValueError: an argument is outside what is said above.
    """

    kernel: int = 3
    width: float = 1.0
    depth: int = 1

    def __post_init__(self) -> None:
        if not (isinstance(self.kernel, int) and self.kernel > 0 and self.kernel % 2):
            raise ValueError(f"kernel must be an odd positive whole number, not {self.kernel!r}")
        if not 0 < self.width < math.inf:
            raise ValueError(f"width must be a positive number, not {self.width!r}")
        if isinstance(self.depth, bool) or not isinstance(self.depth, int) or self.depth < 0:
            raise ValueError(f"depth must be a whole number of at least 0, not {self.depth!r}")

    @property
    def name(self) -> str:
        """What figures and errors call it, for example ``"3×3 narrow"``."""
        if self.depth == 0:
            return "skip"
        width = _WIDTHS.get(self.width, f" width {self.width:g}")
        depth = _DEPTHS.get(self.depth, f" {self.depth} times")
        return f"{self.kernel}×{self.kernel}{width}{depth}"


CANDIDATES = (Candidate(3), Candidate(5), Candidate(depth=0))
"""Three candidates: a 3×3 block, a 5×5 block and the skip.

:meta hide-value:
"""

MORE_CANDIDATES = (
    *CANDIDATES,
    Candidate(3, width=0.5),
    Candidate(5, width=0.5),
    Candidate(3, depth=2),
)
"""``CANDIDATES`` and a narrow 3×3, a narrow 5×5 and a double 3×3 block.

:meta hide-value:
"""


class ResidualUnit(nn.Module):
    r"""What a block adds to its input: :math:`\mathrm{ReLU}(x + f(x))`.

    f is a k×k convolution to the inner channels and a 1×1 convolution back, each with group
    normalisation, and a ReLU between the two. No statistics of batches are kept: weights that many
    paths share need no calibration for any of them.

    Args:
        candidate: gives the kernel and the inner width.
        channels: that the unit reads and returns.

    Reference: He et al. 2016; group normalisation: Wu & He 2018.
    """

    def __init__(self, candidate: Candidate, channels: int) -> None:
        super().__init__()
        inner = max(1, round(candidate.width * channels))
        side = candidate.kernel
        self.branch = nn.Sequential(
            nn.Conv2d(channels, inner, side, padding=side // 2, bias=False),
            _normalisation(inner),
            nn.ReLU(),
            nn.Conv2d(inner, channels, 1, bias=False),
            _normalisation(channels),
        )

    def forward(
        self, x: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch channels height width"]:
        """Return feature maps of the shape of ``x``."""
        return (x + self.branch(x)).relu()


def residual_block(candidate: Candidate, channels: int) -> nn.Sequential:
    """Return a candidate's units in a row, with fresh weights; none is the identity.

    Args:
        candidate: the candidate.
        channels: that it reads and returns.
    """
    return nn.Sequential(*(ResidualUnit(candidate, channels) for _ in range(candidate.depth)))


def halving(before: int, after: int) -> nn.Sequential:
    """Return the 3×3 convolution of stride 2 with which a stage begins, with fresh weights.

    Args:
        before: channels that it reads.
        after: channels that it returns, non-negative through a ReLU.
    """
    convolution = nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, _normalisation(after), nn.ReLU())


def _normalisation(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(math.gcd(4, channels), channels)


class Stage(nn.Module):
    """A convolution that halves the side, then one block. Its output is a feature map.

    Args:
        down: the convolution, as :func:`halving` makes it.
        block: the block, as :func:`residual_block` makes it.
    """

    down: nn.Module
    block: nn.Module

    def __init__(self, down: nn.Module, block: nn.Module) -> None:
        super().__init__()
        self.down = down
        self.block = block

    def forward(
        self, x: Float[Tensor, "batch before height width"]
    ) -> Float[Tensor, "batch after half_height half_width"]:
        """Return the block's feature maps."""
        return self.block(self.down(x))


class SuperStage(nn.Module):
    """A stage with all its candidate blocks, of which ``choice`` alone is passed.

    Args:
        candidates: what the block can be.
        before: channels that the stage reads.
        after: channels that it returns.

    Attributes:
        choice: number of the candidate that is passed.
    """

    def __init__(self, candidates: tuple[Candidate, ...], before: int, after: int) -> None:
        super().__init__()
        self.down = halving(before, after)
        self.blocks = nn.ModuleList(residual_block(c, after) for c in candidates)
        self.choice = 0

    def forward(
        self, x: Float[Tensor, "batch before height width"]
    ) -> Float[Tensor, "batch after half_height half_width"]:
        """Return the chosen block's feature maps."""
        return self.blocks[self.choice](self.down(x))

    def extract(self, choice: int) -> Stage:
        """Return a copy of the convolution and of one block.

        Args:
            choice: the candidate's number.
        """
        return Stage(copy.deepcopy(self.down), copy.deepcopy(self.blocks[choice]))
