"""Weight search: where the weights of each block on a path come from."""

from collections.abc import Sequence

import torch

from ..devices import own_random_state
from .network import BlockPath, PathBackbone, SuperNetwork


class WeightSources:
    """The origins that a path's weights can have, stage by stage.

    A block goes together with the convolution before it, whose output nothing else on the path
    reads: both keep what the super-network learnt last, are drawn anew, or go back to what it was
    at an earlier time. All stages from ``"inherit"`` is what :meth:`SuperNetwork.extract` gives;
    all from ``"fresh"`` is training from scratch.

    Args:
        inherited: the super-network with the weights that it came to.
        snapshots: copies of it from earlier in its training. Runs to growing numbers of steps with
            one checkpoint, and a copy after each, give them.

    Attributes:
        options: the origins' names: ``"inherit"``, ``"fresh"``, ``"snapshot 1"`` and so on.
        space: how many origins each stage has, for a search.

    Raises:
        ValueError: a snapshot has other stages, candidates or images.

    Reference: a reading of the weight search of Sun, Dou & Yan 2020, who published no code.
    """

    def __init__(self, inherited: SuperNetwork, snapshots: Sequence[SuperNetwork] = ()) -> None:
        for number, snapshot in enumerate(snapshots, start=1):
            if _structure(snapshot) != _structure(inherited):
                raise ValueError(
                    f"snapshots must be earlier states of the inherited super-network, but "
                    f"snapshot {number} has the structure {_structure(snapshot)}, not "
                    f"{_structure(inherited)}"
                )
        self.inherited = inherited
        self.snapshots = tuple(snapshots)
        names = (f"snapshot {number}" for number in range(1, len(snapshots) + 1))
        self.options: tuple[str, ...] = ("inherit", "fresh", *names)
        self.space = (len(self.options),) * len(inherited.stages)

    def backbone(self, path: BlockPath, weights: tuple[int, ...], *, seed: int = 0) -> PathBackbone:
        """Return a path as a small network by itself, with copies of weights from their origins.

        Args:
            path: the candidate's number for each stage.
            weights: the number of an origin in ``options`` for each stage.
            seed: source of fresh weights, which for one block are the same on every path.

        Raises:
            ValueError: there is no such path or origin.
        """
        options = range(len(self.options))
        if len(weights) != len(self.space) or not all(number in options for number in weights):
            raise ValueError(
                f"weights must give an origin's number from 0 to {len(options) - 1} for each of "
                f"the {len(self.space)} stages, not {weights!r}"
            )
        inherited = self.inherited
        with own_random_state(torch.device("cpu"), seed):
            fresh = SuperNetwork(
                inherited.image_shape, widths=inherited.widths, candidates=inherited.candidates
            )
        origins = [origin.extract(path) for origin in (inherited, fresh, *self.snapshots)]
        small = origins[0]
        for name, number in zip(small.stages, weights, strict=True):
            small.set_submodule(name, origins[number].get_submodule(name))
        return small.to(next(inherited.parameters())).train(inherited.training)


def _structure(supernet: SuperNetwork) -> tuple[object, ...]:
    names = tuple(candidate.name for candidate in supernet.candidates)
    return supernet.image_shape, supernet.widths, names
