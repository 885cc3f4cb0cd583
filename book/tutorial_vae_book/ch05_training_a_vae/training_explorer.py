"""The training explorer: a healthy run and broken ones side by side, step by step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tutorial_vae.explorer import Choice, ChoiceExplorer, pack_pictures, script, style

_CURVES = ("told", "elbo", "kl")
_PICTURES = ("reconstructions", "samples")


@dataclass(frozen=True, eq=False)
class TrainingRun:
    """How a model stood at some steps of its training.

    Attributes:
        steps: steps done at each look, growing.
        told: what the run itself maximised, at each look, mean per image in nats.
        elbo: the true ELBO of held-out images, mean per image in nats.
        kl: its KL part, mean per image in nats.
        reconstructions: grey pictures of shape (looks, n, height, width) in [0, 1], of the same
            held-out images at each look; values outside are shown as black or white.
        samples: pictures of the same shape, decoded from the same codes at each look.
        note: in a few words, what is different about the run.

    Raises:
        ValueError: the lengths or the shapes disagree, the steps do not grow, or a value is not
            finite.
    """

    steps: Sequence[int]
    told: Sequence[float]
    elbo: Sequence[float]
    kl: Sequence[float]
    reconstructions: np.ndarray
    samples: np.ndarray
    note: str = ""

    def __post_init__(self) -> None:
        looks = len(self.steps)
        if not looks or (np.diff(self.steps) <= 0).any():
            raise ValueError(f"steps must hold numbers that grow, not {list(self.steps)}")
        for name in (*_CURVES, *_PICTURES):
            values = np.asarray(getattr(self, name))
            if len(values) != looks:
                raise ValueError(f"{name} has {len(values)} entries, but there are {looks} steps")
            if not np.isfinite(values).all():
                raise ValueError(f"{name} must be finite")
        shapes = [getattr(self, name).shape for name in _PICTURES]
        if len(shapes[0]) != 4 or shapes[0] != shapes[1]:
            raise ValueError(
                "reconstructions and samples must both have the shape (looks, n, height, width), "
                f"not {shapes[0]} and {shapes[1]}"
            )


class TrainingExplorer(ChoiceExplorer):
    """A healthy run and a broken one side by side: their curves, and their pictures at each step.

    The pictures travel in the state of the widget, half a byte a pixel, so it works with a kernel
    and without one.

    Args:
        runs: runs under the names to show. The first is the healthy one, which every other is
            shown beside. The others have looked at the same steps, and may have ended sooner.
        originals: the held-out images that were reconstructed, of shape (n, height, width).

    Attributes:
        run: name of the run beside the healthy one; follows the menu, and may be set.
        step: the step shown; follows the slider, and may be set.

    Raises:
        ValueError: there are fewer than two runs, or they do not agree with one another or with
            the originals.
    """

    _esm = script(__file__)
    _css = style(__file__)

    run = Choice("broken run")
    step = Choice("training step", slider=True)

    def __init__(self, runs: Mapping[str, TrainingRun], *, originals: np.ndarray) -> None:
        if len(runs) < 2:
            raise ValueError(f"runs must hold a healthy run and another, not {len(runs)}")
        healthy = next(iter(runs.values()))
        shape = healthy.reconstructions.shape[1:]
        if np.shape(originals) != shape:
            raise ValueError(
                f"originals must have the shape {shape} of what was made of them, not "
                f"{np.shape(originals)}"
            )
        for name, run in runs.items():
            if list(run.steps) != list(healthy.steps)[: len(run.steps)]:
                raise ValueError(
                    f"runs[{name!r}] has looked at the steps {list(run.steps)}, but the first run "
                    f"at {list(healthy.steps)}"
                )
            if run.reconstructions.shape[1:] != shape:
                raise ValueError(
                    f"runs[{name!r}] has pictures of shape {run.reconstructions.shape[1:]}, but "
                    f"the first run of {shape}"
                )
        steps = [int(step) for step in healthy.steps]
        super().__init__(
            {"run": list(runs)[1:], "step": steps},
            {"step": steps[-1]},
            originals=pack_pictures(originals),
            runs=[{"name": name, **_described(run)} for name, run in runs.items()],
        )

    def _summary(self) -> str:
        return ", ".join(run["name"] for run in self.data["runs"])


def _described(run: TrainingRun) -> dict[str, Any]:
    curves = {name: [round(float(v), 2) for v in getattr(run, name)] for name in _CURVES}
    pictures = {name: pack_pictures(getattr(run, name)) for name in _PICTURES}
    return {**curves, **pictures, "note": run.note}
