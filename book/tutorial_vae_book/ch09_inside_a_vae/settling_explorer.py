"""The settling explorer: how near each layer is, while it trains, to what it will be at the end."""

from collections.abc import Mapping, Sequence

import numpy as np

from tutorial_vae.explorer import Choice, ChoiceExplorer, pack, script, style
from tutorial_vae.plots import layer_part


class SettlingExplorer(ChoiceExplorer):
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

    images = Choice("images")
    step = Choice("training step", slider=True)
    layer = Choice("layer", slider=True)

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
        shape = "seeds", len(steps), len(layers)
        super().__init__(
            {"images": similarities, "step": [int(step) for step in steps], "layer": layers},
            {"step": int(steps[len(steps) // 2])},
            parts=[layer_part(layer) for layer in layers],
            values={
                name: pack(values, f"similarities[{name!r}]", *shape, low=-1.0, high=1.0)
                for name, values in similarities.items()
            },
        )

    def _summary(self) -> str:
        return ", ".join(self.data["choices"]["images"]["values"])
