"""Super-networks, and the ordinary small networks inside them."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..adaptation.backbones import Backbone
from ..checks import check_count
from .blocks import CANDIDATES, Candidate, Stage, SuperStage, halving, residual_block

BlockPath = tuple[int, ...]
"""One candidate's number for each stage."""


class StagedBackbone(Backbone):
    """Stages that each halve the side; the features are the last stage's channel means.

    Args:
        image_shape: channels, height and width, sides of at least 2 to the number of stages.
        widths: channels that each stage returns.

    Raises:
        ValueError: there is no stage, a width is not positive, or a side is too short.
    """

    def __init__(self, image_shape: Sequence[int], widths: Sequence[int]) -> None:
        super().__init__()
        channels, height, width = image_shape
        if not widths:
            raise ValueError("widths must give the channels of at least one stage")
        for value in widths:
            check_count("each of widths", value)
        if min(height, width) < 2 ** len(widths):
            raise ValueError(
                f"image_shape must have sides of at least {2 ** len(widths)}, which "
                f"{len(widths)} stages halve, not {height}×{width}"
            )
        self.image_shape = (channels, height, width)
        self.widths = tuple(widths)
        self.feature_dim = self.widths[-1]
        self.stages = tuple(f"stage{number}" for number in range(1, len(widths) + 1))

    def maps(
        self, x: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch features rows columns"]:
        """Return the last stage's feature maps of images in [0, 1]."""
        for name in self.stages:
            x = self.get_submodule(name)(x)
        return x

    def forward(
        self, x: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch features"]:
        """Return the means of the last feature maps."""
        return self.maps(x).mean(dim=(2, 3))


class PathBackbone(StagedBackbone):
    """One path by itself, with fresh weights: :meth:`SuperNetwork.extract` gives learnt ones.

    Args:
        image_shape: channels, height and width, sides of at least 2 to the number of stages.
        blocks: what the block of each stage is.
        widths: channels that each stage returns.

    Raises:
        ValueError: ``blocks`` and ``widths`` are not as many, a width is not positive, or a side
            is too short.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        blocks: Sequence[Candidate],
        *,
        widths: Sequence[int] = (16, 32, 64),
    ) -> None:
        super().__init__(image_shape, widths)
        if len(blocks) != len(widths):
            raise ValueError(
                f"blocks must be as many as the {len(widths)} widths, not {len(blocks)}"
            )
        self.blocks = tuple(blocks)
        before = self.image_shape[0]
        for name, block, after in zip(self.stages, blocks, widths, strict=True):
            self.add_module(name, Stage(halving(before, after), residual_block(block, after)))
            before = after


class SuperNetwork(StagedBackbone):
    r"""All small networks that choose one of C blocks in each of N stages, sharing weights.

    It stores :math:`N C` blocks and holds :math:`C^N` paths. An image passes one of them: every
    stage is a convolution that halves the side, which all paths share, and then the block that
    :attr:`path` names.

    Args:
        image_shape: channels, height and width, sides of at least 2 to the number of stages.
        widths: channels that each stage returns.
        candidates: what a block can be, the same in every stage.

    Attributes:
        candidates: as given.
        widths: as given.
        space: how many choices each stage has, for a search.

    Raises:
        ValueError: there is no stage, no candidate or one twice, or a size does not suit.

    Reference: after Sun, Dou & Yan 2020, who published no code: stages, blocks and widths are ours.
    Paths of shared weights: Guo et al. 2020.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        *,
        widths: Sequence[int] = (16, 32, 64),
        candidates: Sequence[Candidate] = CANDIDATES,
    ) -> None:
        super().__init__(image_shape, widths)
        names = [candidate.name for candidate in candidates]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"candidates must be one or more different ones, not {names}")
        self.candidates = tuple(candidates)
        self.space = (len(names),) * len(self.widths)
        before = self.image_shape[0]
        for name, after in zip(self.stages, self.widths, strict=True):
            self.add_module(name, SuperStage(self.candidates, before, after))
            before = after

    @property
    def block_count(self) -> int:
        """How many blocks are stored, skips included: stages times candidates."""
        return sum(self.space)

    @property
    def path_count(self) -> int:
        """How many paths there are: candidates to the power of stages."""
        return len(self.candidates) ** len(self.widths)

    def paths(self) -> Iterator[BlockPath]:
        """Yield every path once, the last stage's choice changing fastest."""
        return itertools.product(*map(range, self.space))

    def random_path(self) -> BlockPath:
        """Draw a path from torch's global generator, all equally likely."""
        return tuple(torch.randint(len(self.candidates), (len(self.widths),)).tolist())

    @property
    def path(self) -> BlockPath:
        """The path that images take; at first all stages choose candidate 0."""
        return tuple(stage.choice for stage in self._super_stages())

    @path.setter
    def path(self, path: BlockPath) -> None:
        for stage, choice in zip(self._super_stages(), self._checked(path), strict=True):
            stage.choice = choice

    @contextmanager
    def following(self, path: BlockPath) -> Iterator[None]:
        """Let images take another path inside the block.

        Args:
            path: the candidate's number for each stage.

        Raises:
            ValueError: there is no such path.
        """
        before, self.path = self.path, path
        try:
            yield
        finally:
            self.path = before

    def extract(self, path: BlockPath) -> PathBackbone:
        """Return a path as a small network by itself, with copies of its weights.

        On the same images it returns what the super-network returns on that path, bit for bit.

        Args:
            path: the candidate's number for each stage.

        Raises:
            ValueError: there is no such path.
        """
        path = self._checked(path)
        blocks = [self.candidates[choice] for choice in path]
        # Without memory or random numbers for weights that are replaced at once.
        with torch.device("meta"):
            small = PathBackbone(self.image_shape, blocks, widths=self.widths)
        for name, stage, choice in zip(self.stages, self._super_stages(), path, strict=True):
            small.set_submodule(name, stage.extract(choice))
        return small.train(self.training)

    def _super_stages(self) -> list[SuperStage]:
        # All that was added above; mypy knows of modules only that they are modules.
        return [m for m in self.children() if isinstance(m, SuperStage)]

    def _checked(self, path: BlockPath) -> BlockPath:
        if len(path) != len(self.space) or not all(c in range(len(self.candidates)) for c in path):
            raise ValueError(
                f"path must give a candidate's number from 0 to {len(self.candidates) - 1} for "
                f"each of the {len(self.space)} stages, not {path!r}"
            )
        return path


def super_network_of(module: nn.Module) -> SuperNetwork:
    """Return the one super-network within a module, for example within a classifier.

    Args:
        module: what holds it, or itself.

    Raises:
        ValueError: there is none, or there are several.
    """
    found = [part for part in module.modules() if isinstance(part, SuperNetwork)]
    if len(found) != 1:
        raise ValueError(
            f"{type(module).__name__} must hold one SuperNetwork, for example as its backbone, "
            f"not {len(found)}"
        )
    return found[0]
