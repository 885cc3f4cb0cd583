"""The genericity explorer: VAEs trained on different sets, layer by layer, between controls."""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets

from tutorial_vae.explorer import Explorer, script, style

# A value travels as two bytes that count ten-thousandths from -1, which are the table's decimals.
_LOWEST = -1.0
_STEP = 1e-4
_NOT_DEFINED = 65_535

SCALES = ("CKA", "share of the way")


class GenericityExplorer(Explorer):
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

    target = traitlets.Unicode().tag(sync=True)
    source = traitlets.Unicode().tag(sync=True)
    layer = traitlets.Unicode().tag(sync=True)
    scale = traitlets.Unicode(SCALES[0]).tag(sync=True)

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
        values = np.asarray(similarity, dtype=np.float64)
        seeds = values.shape[2] if values.ndim == 4 else 0
        shapes = {
            "similarity": (len(sets), len(sets), seeds, len(layers)),
            "untrained": (len(sets), seeds, len(layers)),
            "pixels": (len(sets), seeds, len(layers)),
        }
        arrays = {"similarity": values}
        arrays |= {"untrained": np.asarray(untrained), "pixels": np.asarray(pixels)}
        for name, array in arrays.items():
            if array.shape != shapes[name] or not seeds:
                raise ValueError(
                    f"{name} has shape {array.shape}, but {len(sets)} sets and {len(layers)} "
                    f"layers need {shapes[name]}"
                )
        data: dict[str, Any] = {name: _encode(array, name) for name, array in arrays.items()}
        data |= {"sets": list(sets), "layers": list(layers), "seeds": seeds, "scales": list(SCALES)}
        self._arrays = arrays
        super().__init__(
            data=data,
            target=data["sets"][0] if target is None else target,
            source=data["sets"][1] if source is None else source,
            layer=data["layers"][0] if layer is None else layer,
        )

    def _summary(self) -> str:
        sets, layers = len(self.data["sets"]), len(self.data["layers"])
        return f"{sets} × {sets} sets × {self.data['seeds']} seeds × {layers} layers"

    @traitlets.validate("target", "source", "layer", "scale")
    def _known(self, proposal: Any) -> str:
        lists = {"target": "sets", "source": "sets", "layer": "layers", "scale": "scales"}
        return self._one_of(self.data[lists[proposal["trait"].name]], proposal)

    def shares(self) -> np.ndarray:
        r"""Share of the way from untrained to ceiling, (targets, sources, layers).

        With means over the seeds, (CKA − untrained) / (ceiling − untrained): 0 where a VAE trained
        on another set is no more like the target's than an untrained network, 1 where it is as
        much like it as another seed. NaN where the ceiling is less than 0.05 above the untrained
        network, so that there is no way to go.
        """
        mean = self._arrays["similarity"].mean(axis=2)
        low = self._arrays["untrained"].mean(axis=1)
        way = mean[np.arange(len(mean)), np.arange(len(mean))] - low
        way = np.where(way < 0.05, np.nan, way)
        return (mean - low[:, None]) / way[:, None]


def _encode(array: np.ndarray, name: str) -> str:
    """Base64 text of two bytes, low one first, for each value in C order."""
    if np.nanmin(array) < _LOWEST - 1e-9 or np.nanmax(array) > 1 + 1e-9:
        raise ValueError(
            f"{name} must lie between -1 and 1, got values from {np.nanmin(array):.3g} to "
            f"{np.nanmax(array):.3g}"
        )
    steps = np.round((np.nan_to_num(array) - _LOWEST) / _STEP)
    steps = np.where(np.isnan(array), _NOT_DEFINED, steps)
    return base64.b64encode(steps.astype("<u2").tobytes()).decode()
