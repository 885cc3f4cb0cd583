"""The settling explorer: how near each layer is, while it trains, to what it will be at the end."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import traitlets

from tutorial_vae.explorer import Explorer, script, style
from tutorial_vae.plots import layer_part

_LEVELS = 30_000  # steps from 0 to 1 of a stored similarity; -1 to 1 fit into two bytes


class SettlingExplorer(Explorer):
    """Similarity of layers with themselves at the end of training, step by step and layer by layer.

    Beside each similarity it shows the progress, the share of the way from the first step that is
    done: (similarity - first) / (1 - first), with the seeds averaged above and below the line. The
    front end computes it, so it works without a kernel.

    Args:
        similarities: under the name of each image set, an array of shape (seeds, steps, layers)
            with values from -1 to 1.
        steps: training steps, growing; the first is the start that progress is measured from, the
            last the end.
        layers: names of the layers, in the order in which they run.

    Attributes:
        images: the image set shown; follows its menu, and may be set.
        step: the step shown; follows its slider, and may be set.
        layer: the layer shown; follows its slider, and may be set.

    Raises:
        ValueError: there is no set, an array does not have the shape of the steps and layers or
            holds other values, or the steps do not grow.
    """

    _esm = script(__file__)
    _css = style(__file__)

    images = traitlets.Unicode().tag(sync=True)
    step = traitlets.Int().tag(sync=True)
    layer = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        similarities: Mapping[str, np.ndarray],
        *,
        steps: Sequence[int],
        layers: Sequence[str],
    ) -> None:
        if not similarities:
            raise ValueError("similarities must hold at least one image set")
        if len(steps) < 2 or (np.diff(steps) <= 0).any():
            raise ValueError(f"steps must hold at least two numbers that grow, not {list(steps)}")
        for name, values in similarities.items():
            if np.ndim(values) != 3 or np.shape(values)[1:] != (len(steps), len(layers)):
                raise ValueError(
                    f"similarities[{name!r}] must have the shape (seeds, {len(steps)}, "
                    f"{len(layers)}), not {np.shape(values)}"
                )
            if not (np.abs(values) <= 1 + 1e-9).all():
                raise ValueError(f"similarities[{name!r}] must lie between -1 and 1")
        data: dict[str, Any] = {
            "steps": [int(step) for step in steps],
            "layers": list(layers),
            "parts": [layer_part(layer) for layer in layers],
            "sets": [
                {"name": name, "seeds": len(values), "values": _packed(values)}
                for name, values in similarities.items()
            ],
        }
        super().__init__(
            data=data,
            images=data["sets"][0]["name"],
            step=data["steps"][len(steps) // 2],
            layer=data["layers"][0],
        )

    def _summary(self) -> str:
        return ", ".join(self._choices("images"))

    def _choices(self, name: str) -> list[Any]:
        if name == "images":
            return [each["name"] for each in self.data["sets"]]
        return self.data[f"{name}s"]

    @traitlets.validate("images", "step", "layer")
    def _known(self, proposal: Any) -> Any:
        return self._one_of(self._choices(proposal["trait"].name), proposal)


def _packed(values: np.ndarray) -> str:
    """Return similarities from -1 to 1 as text, two bytes each."""
    levels = np.round((np.clip(values, -1, 1) + 1) * _LEVELS).astype("<u2")
    return base64.b64encode(levels.tobytes()).decode()
