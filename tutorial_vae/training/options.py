"""The options that every training run has, whatever it trains."""

import difflib
import math
import os
from pathlib import Path
from typing import TypedDict

import torch

from ..checks import check_count
from ..devices import resolve_device

PRECISIONS = ("32", "bf16")


class TrainingOptions(TypedDict, total=False):
    """Options of a training run, each passed by its name.

    Attributes:
        steps: number of optimiser steps in all, those before a resumption included; 2000 where
            nothing else is said.
        batch_size: entries of each set per step, 64 by default; all of them when there are fewer.
        lr: Adam's learning rate, 0.001 by default.
        seed: source of the batches and of all noise, 0 by default. The start weights are those of
            what is trained.
        device: ``"auto"`` (the default: CUDA, else MPS, else CPU) or the name of a device.
        precision: ``"32"`` (the default), or ``"bf16"`` for bfloat16 autocast in channels-last
            layout.
        checkpoint: file that holds everything needed to go on, replaced in one step about every
            ten seconds and at the end. When it exists, training goes on from it and ends, on the
            same machine, with the same weights bit for bit as a run that was never stopped. It
            holds tensors and text, no code. Without it, the default, nothing is written.
        progress: whether to show a progress bar, as is the default.

    Every run that takes them raises :class:`DivergenceError` when the loss or a weight is not
    finite, or when the loss runs away (the checkpoint, if there is one, keeps the last good state);
    ``TypeError`` for an option of another name; ``ValueError`` for one outside what is said above,
    or for a ``checkpoint`` of another run; and ``FileNotFoundError`` when the folder of
    ``checkpoint`` does not exist.
    """

    steps: int
    batch_size: int
    lr: float
    seed: int
    device: str | torch.device
    precision: str
    checkpoint: str | os.PathLike[str] | None
    progress: bool


_DEFAULTS: TrainingOptions = {
    "steps": 2000,
    "batch_size": 64,
    "lr": 1e-3,
    "seed": 0,
    "device": "auto",
    "precision": "32",
    "checkpoint": None,
    "progress": True,
}


def complete_options(options: TrainingOptions) -> TrainingOptions:
    """Return all options, those that are not given at their defaults.

    Args:
        options: those that are given.

    Raises:
        TypeError: there is no option of that name.
        ValueError: an option is outside what :class:`TrainingOptions` says.
        FileNotFoundError: the folder of the checkpoint does not exist.
    """
    for name in options:
        if name not in _DEFAULTS:
            close = difflib.get_close_matches(name, _DEFAULTS, n=1)
            raise TypeError(
                f"there is no training option {name!r}"
                f"{f' (did you mean {close[0]!r}?)' if close else ''}: the options are "
                f"{', '.join(_DEFAULTS)}"
            )
    complete: TrainingOptions = {**_DEFAULTS, **options}
    check_count("steps", complete["steps"])
    check_count("batch_size", complete["batch_size"])
    lr, seed, checkpoint = complete["lr"], complete["seed"], complete["checkpoint"]
    if not (isinstance(lr, int | float) and 0 < lr < math.inf):
        raise ValueError(f"lr must be a positive number, not {lr!r}")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise ValueError(f"seed must be a whole number from 0 to 2**63 - 1, not {seed!r}")
    if complete["precision"] not in PRECISIONS:
        raise ValueError(f"precision must be one of {PRECISIONS}, not {complete['precision']!r}")
    resolve_device(complete["device"])
    if checkpoint is not None and not Path(checkpoint).parent.is_dir():
        raise FileNotFoundError(
            f"cannot write checkpoint {checkpoint}: the folder {Path(checkpoint).parent} does not "
            "exist"
        )
    return complete
