"""The genericity explorer: VAEs trained on different sets, layer by layer, between controls."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tutorial_vae.explorer import Choice, ChoiceExplorer, pack, script, style
from tutorial_vae.plots import layer_part

SCALES = ("CKA", "share of the way")
_RANGE: dict[str, Any] = {"low": -1.0, "high": 1.0, "gaps": True}


class GenericityExplorer(ChoiceExplorer):
    """How alike VAEs trained on different sets are, by layer and pair of sets, between controls.

    A matrix shows one layer for all pairs, and a profile shows all layers of one pair, beside the
    untrained network, the pixels and the ceiling. Both show CKA, or its share of the way from the
    untrained network to the ceiling (:meth:`shares`). The colours run from 0 to 1; values beyond
    are marked with an arrow.

    Args:
        similarity: CKA of same layers, (targets, sources, seeds, layers). Targets and sources are
            the same sets in the same order; an entry with target and source alike compares two
            seeds, the ceiling.
        untrained: CKA of the same layers with an untrained network, (targets, seeds, layers).
        pixels: CKA of the images themselves with the target's layers, (targets, seeds, layers).
        sets: names of the sets.
        layers: names of the layers, in the order in which they run.
        target: the set whose images are shown at first, by default the first.
        source: the set that the other VAE was trained on, by default the second.
        layer: the layer shown at first, by default the first.

    Attributes:
        target: follows its menu and the matrix, and may be set; so do source and layer.
        scale: ``"CKA"`` or ``"share of the way"``; follows its menu, and may be set.

    Raises:
        ValueError: shapes do not fit the names, values lie outside -1 to 1, or a choice is unknown.
    """

    _esm = script(__file__)
    _css = style(__file__)

    source = Choice("trained on")
    target = Choice("looking at")
    scale = Choice("show")
    layer = Choice("layer", slider=True)

    def __init__(
        self,
        similarity: np.ndarray,
        untrained: np.ndarray,
        pixels: np.ndarray,
        *,
        sets: Sequence[str],
        layers: Sequence[str],
        target: str | None = None,
        source: str | None = None,
        layer: str | None = None,
    ) -> None:
        if len(sets) < 2 or len(layers) < 1:
            raise ValueError(
                f"sets and layers must name at least 2 sets and 1 layer, got {sets}, {layers}"
            )
        self._similarity, self._untrained = np.asarray(similarity), np.asarray(untrained)
        shape = len(sets), "seeds", len(layers)
        packed = {
            "similarity": pack(similarity, "similarity", len(sets), *shape, **_RANGE),
            "untrained": pack(untrained, "untrained", *shape, **_RANGE),
            "pixels": pack(pixels, "pixels", *shape, **_RANGE),
        }
        seeds = {name: each["shape"][-2] for name, each in packed.items()}
        if len({*seeds.values()}) > 1 or not all(seeds.values()):
            raise ValueError(
                f"similarity, untrained and pixels must have the same seeds, got {seeds}"
            )
        super().__init__(
            {"source": sets, "target": sets, "scale": SCALES, "layer": layers},
            {"target": target, "source": sets[1] if source is None else source, "layer": layer},
            parts=[layer_part(name) for name in layers],
            seeds=seeds["similarity"],
            **packed,
        )

    def _summary(self) -> str:
        sets, _, seeds, layers = self.data["similarity"]["shape"]
        return f"{sets} × {sets} sets × {seeds} seeds × {layers} layers"

    def shares(self) -> np.ndarray:
        r"""Share of the way from untrained to ceiling, (targets, sources, layers).

        With means over the seeds, (CKA − untrained) / (ceiling − untrained): 0 where a VAE trained
        on another set is no more like the target's than an untrained network, 1 where it is as
        much like it as another seed. NaN where the ceiling is less than 0.05 above the untrained
        network, so that there is no way to go.
        """
        mean = self._similarity.mean(axis=2)
        low = self._untrained.mean(axis=1)
        way = mean[np.arange(len(mean)), np.arange(len(mean))] - low
        way = np.where(way < 0.05, np.nan, way)
        return (mean - low[:, None]) / way[:, None]
