"""The loop that every training run goes through, whatever it trains."""

import dataclasses
import hashlib
import json
import math
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Float, Int
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ..data.imageset import as_float
from ..devices import own_random_state, random_states, resolve_device, set_random_states
from ..files import (
    packed_metadata,
    stored_entries,
    tied_entries,
    unpacked_metadata,
    write_atomically,
)

PRECISIONS = ("32", "bf16")

_RECORD_EVERY = 25  # steps averaged into one row of the history
_SECONDS_BETWEEN_CHECKPOINTS = 10.0
_DIVERGED = 1e4  # an objective this many times further from zero than the first one is lost
_FILE_FORMAT = "tutorial_vae checkpoint 1"


@runtime_checkable
class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


_History = TypeVar("_History", bound=_Dataclass)


class DivergenceError(RuntimeError):
    """Training produced a loss that is not finite, or that ran away. Names the step."""


def optimise(
    network: nn.Module,
    objective: nn.Module,
    sets: Sequence[Sequence[Tensor]],
    history: _History,
    *,
    description: Any = None,
    steps: int = 2000,
    batch_size: int = 64,
    lr: float = 1e-3,
    seed: int = 0,
    device: str | torch.device = "auto",
    precision: str = "32",
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> _History:
    """Train a network in place with Adam: the loop under :func:`fit` and the transfer methods.

    Each step draws one batch from every set and calls ``objective(network, *batches)``, which
    returns a named tuple of tensors, all per image or all for the batch. The mean of the first is
    maximised; the means of all are recorded. Parameters and buffers of the objective are trained
    and kept with the network's.

    Sets lie on the device wholly and are sliced by seeded permutations, a new one each epoch; the
    last entries of an epoch that do not fill a batch sit it out. Parameters that require no
    gradient are frozen, and modules that hold no others stay in evaluation mode, so that batch
    statistics stand still with them. The global random state is left as it was. The network comes
    back to the device and the mode that it came with.

    Args:
        network: what is trained.
        objective: what is maximised.
        sets: for each set its tensors, all of the same length: images as uint8 of shape (n,
            channels, height, width), which reach the objective as floats in [0, 1], and labels
            or whatever else the objective takes, in the order in which it takes them.
        history: an empty dataclass of lists: ``step``, one for each entry of the named tuple in
            its order, and ``seconds``.
        description: what tells the network from others in a checkpoint; anything JSON can hold.
        steps: number of optimiser steps in all, those before a resumption included.
        batch_size: entries of each set per step; all of them when there are fewer.
        lr: Adam's learning rate.
        seed: source of the batches and of all noise. The start weights are the network's.
        device: ``"auto"`` (CUDA, else MPS, else CPU) or the name of a device.
        precision: ``"32"``, or ``"bf16"`` for bfloat16 autocast in channels-last layout.
        checkpoint: as in :func:`fit`.
        progress: whether to show a progress bar.

    Returns:
        A history of the whole run, what came before a resumption included: a row for every 25
        steps, averaged over them.

    Raises:
        DivergenceError: the loss or a weight was not finite, or the loss ran away. The checkpoint,
            if there is one, keeps the last good state.
        ValueError: an argument is outside what is said above, or ``checkpoint`` belongs to another
            run.
        FileNotFoundError: the folder of ``checkpoint`` does not exist.
    """
    for name, value in (("steps", steps), ("batch_size", batch_size)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} must be a whole number of at least 1, not {value!r}")
    if not (isinstance(lr, int | float) and 0 < lr < math.inf):
        raise ValueError(f"lr must be a positive number, not {lr!r}")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise ValueError(f"seed must be a whole number from 0 to 2**63 - 1, not {seed!r}")
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {PRECISIONS}, not {precision!r}")
    target = resolve_device(device)
    path = None if checkpoint is None else Path(checkpoint)
    if path is not None and not path.parent.is_dir():
        raise FileNotFoundError(
            f"cannot write checkpoint {path}: the folder {path.parent} does not exist"
        )
    settings: dict[str, Any] = {
        "model": description,
        "objective": repr(objective),
        "images": None if path is None else [_fingerprint(tensors) for tensors in sets],
        "batch_size": [min(batch_size, len(tensors[0])) for tensors in sets],
        "lr": lr,
        "seed": seed,
        "precision": precision,
    }
    if frozen := [name for name, value in network.named_parameters() if not value.requires_grad]:
        settings["frozen"] = frozen
    if tied := tied_entries(network):
        settings["tied"] = tied

    home, was_training = next(network.parameters()).device, network.training
    _train_unfrozen(network.to(target))
    objective.to(target).train()
    if precision == "bf16":
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    try:
        with own_random_state(target, seed):
            run = _Run(network, objective, _on(target, sets), settings, history)
            if path is not None and path.exists():
                run.restore(path)
            run.train(steps, path, progress=progress)
    finally:
        network.to(home).train(was_training)
        network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        objective.to(home)
    return run.history


def _on(device: torch.device, sets: Sequence[Sequence[Tensor]]) -> list[list[Tensor]]:
    return [[tensor.to(device) for tensor in tensors] for tensors in sets]


def _train_unfrozen(module: nn.Module, *, weightless: bool = True) -> None:
    """Put the modules that hold a parameter to train into training mode, the rest out of it.

    Modules without parameters (``weightless`` says how they fare) train only where everything
    around them does: batch statistics without weights must not move in a part that is frozen.
    """
    wanted = [parameter.requires_grad for parameter in module.parameters()]
    module.training = any(wanted) if wanted else weightless
    for child in module.children():
        _train_unfrozen(child, weightless=all(wanted) if wanted else weightless)


class _Stream:
    """Batches of one set, epoch after epoch."""

    def __init__(self, tensors: Sequence[Tensor], batch_size: int) -> None:
        self.tensors = tensors
        self.batch_size = batch_size
        self.permutation = self._new_permutation()
        self.position = 0  # in the permutation

    def _new_permutation(self) -> Int[Tensor, " n"]:
        # Drawn on the CPU, so that every device sees the same batches.
        return torch.randperm(len(self.tensors[0])).to(self.tensors[0].device)

    def next_batch(self) -> Iterator[Tensor]:
        """Return the next entries of each tensor."""
        if self.position + self.batch_size > len(self.permutation):
            self.permutation = self._new_permutation()
            self.position = 0
        chosen = self.permutation[self.position : self.position + self.batch_size]
        self.position += self.batch_size
        return (tensor[chosen] for tensor in self.tensors)


class _Run(Generic[_History]):
    """One training run: everything that a checkpoint has to hold, and the loop."""

    def __init__(
        self,
        network: nn.Module,
        objective: nn.Module,
        sets: Sequence[Sequence[Tensor]],
        settings: dict[str, Any],
        history: _History,
    ) -> None:
        self.network = network
        self.objective = objective
        self.settings = settings
        self.device = sets[0][0].device
        self.networks = nn.ModuleDict({"model": network, "objective": objective})
        # Frozen parameters are left out, so that no optimiser state moves them.
        self.parameters = [p for p in self.networks.parameters() if p.requires_grad]
        self.optimiser = torch.optim.Adam(self.parameters, lr=settings["lr"], fused=True)
        self.streams = [
            _Stream(tensors, size)
            for tensors, size in zip(sets, settings["batch_size"], strict=True)
        ]
        self.step = 0
        self.seconds = 0.0
        self.history = history

    def _next_batch(self) -> Iterator[Tensor]:
        for stream in self.streams:
            for tensor in stream.next_batch():
                batch = as_float(tensor) if tensor.dtype == torch.uint8 else tensor
                if self.settings["precision"] == "bf16" and batch.ndim == 4:
                    batch = batch.contiguous(memory_format=torch.channels_last)
                yield batch

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.settings["precision"] == "32":
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def _take_step(self) -> Float[Tensor, " terms"]:
        """Take one step and return the means over the batch of what the objective returned."""
        batch = tuple(self._next_batch())
        with self._autocast():
            terms = self.objective(self.network, *batch)
        loss = -terms[0].mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        return torch.stack([term.detach().mean() for term in terms])

    def train(self, steps: int, path: Path | None, *, progress: bool) -> None:
        """Train up to ``steps``, recording every row and saving now and then."""
        from tqdm.auto import tqdm

        if self.step > steps:
            raise ValueError(
                f"steps is {steps}, but checkpoint {path} is already at step {self.step}: ask for "
                "at least that many steps, or name another checkpoint"
            )
        if path is not None:
            self.save(path)
        started = time.perf_counter() - self.seconds
        saved = time.perf_counter()
        bar = tqdm(total=steps, initial=self.step, unit="step", disable=not progress, leave=False)
        with bar:
            while self.step < steps:
                # A row's values are read together: reading each would make a GPU wait.
                row = min(_RECORD_EVERY - self.step % _RECORD_EVERY, steps - self.step)
                values = torch.stack([self._take_step() for _ in range(row)]).cpu()
                self._check_maximised(values[:, 0])
                self.step += row
                self.seconds = time.perf_counter() - started
                self._record(values)
                bar.update(row)
                bar.set_postfix_str(f"{self._name} {self._maximised[-1]:.5g} nats", refresh=False)
                due = time.perf_counter() - saved >= _SECONDS_BETWEEN_CHECKPOINTS
                if self.step == steps or due:
                    self._check_weights()
                    if path is not None:
                        self.save(path)
                    saved = time.perf_counter()

    @property
    def _name(self) -> str:
        """Name of what is maximised, as the history calls it."""
        return dataclasses.fields(self.history)[1].name

    @property
    def _maximised(self) -> list[float]:
        return getattr(self.history, self._name)

    def _record(self, values: Float[Tensor, "steps terms"]) -> None:
        row = [self.step, *values.double().mean(dim=0).tolist(), self.seconds]
        for field, value in zip(dataclasses.fields(self.history), row, strict=True):
            getattr(self.history, field.name).append(value)

    def _check_maximised(self, values: Float[Tensor, " steps"]) -> None:
        first = abs(self._maximised[0]) if self._maximised else values[0].abs().item()
        bad = ~values.isfinite() | (values.abs() > _DIVERGED * max(first, 1.0))
        if bad.any():
            index = int(bad.nonzero()[0])
            raise DivergenceError(
                f"training diverged at step {self.step + index + 1}: the objective was "
                f"{values[index].item():g} nats. Try a smaller lr, and check that the images lie "
                "in [0, 1]"
            )

    def _check_weights(self) -> None:
        for name, value in self.networks.named_parameters():
            if not value.isfinite().all():
                raise DivergenceError(
                    f"training diverged by step {self.step}: {name} holds values that are not "
                    "finite. Try a smaller lr"
                )

    def save(self, path: Path) -> None:
        """Write the whole state of the run in one step."""
        state = self.optimiser.state_dict()["state"]
        tensors = {f"networks.{name}": v for name, v in stored_entries(self.networks).items()}
        tensors |= {f"optimiser.{i}.{name}": v for i, s in state.items() for name, v in s.items()}
        tensors |= {f"permutation.{i}": s.permutation for i, s in enumerate(self.streams)}
        tensors |= {f"random.{name}": v for name, v in random_states(self.device).items()}
        metadata = {
            "format": _FILE_FORMAT,
            "settings": self.settings,
            "step": self.step,
            "positions": [stream.position for stream in self.streams],
            "seconds": self.seconds,
            "history": dataclasses.asdict(self.history),
        }
        write_atomically(
            path,
            save(
                {name: value.detach().cpu().contiguous() for name, value in tensors.items()},
                metadata=packed_metadata(metadata),
            ),
        )

    def restore(self, path: Path) -> None:
        """Go back to the state that a checkpoint of the same run holds."""
        try:
            with safe_open(path, framework="pt") as file:
                metadata = unpacked_metadata(file.metadata())
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except SafetensorError as error:
            raise ValueError(
                f"checkpoint {path} is damaged or no checkpoint ({error}): remove it to start anew"
            ) from None
        if metadata.get("format") != _FILE_FORMAT:
            raise ValueError(
                f"checkpoint {path} was not written by tutorial_vae.fit: name another file"
            )
        stored = metadata["settings"]
        asked = json.loads(json.dumps(self.settings))
        for name in asked | stored:
            there, here = stored.get(name), asked.get(name)
            if there != here:
                raise ValueError(
                    f"checkpoint {path} belongs to another run: its {name} is {there!r}, not "
                    f"{here!r}. Name another checkpoint, or remove this one to start anew"
                )
        entries = _under("networks.", tensors)
        again = {name: entries[first] for name, first in tied_entries(self.networks).items()}
        self.networks.load_state_dict(entries | again)
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in _under("optimiser.", tensors).items():
            index, _, part = name.partition(".")
            state.setdefault(int(index), {})[part] = value
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": state, "param_groups": groups})
        for i, stream in enumerate(self.streams):
            stream.permutation = tensors[f"permutation.{i}"].to(self.device)
            stream.position = metadata["positions"][i]
        set_random_states(self.device, _under("random.", tensors))
        self.step, self.seconds = metadata["step"], metadata["seconds"]
        self.history = type(self.history)(**metadata["history"])


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): v for n, v in tensors.items() if n.startswith(prefix)}


def _fingerprint(tensors: Sequence[Tensor]) -> str:
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.cpu().numpy().tobytes())
    return digest.hexdigest()
