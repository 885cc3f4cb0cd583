"""The loop that every training run goes through, whatever it trains."""

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Unpack

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ..data.imageset import as_float
from ..devices import lent, own_random_state, random_states, set_random_states
from ..files import (
    packed_metadata,
    stored_entries,
    tied_entries,
    unpacked_metadata,
    write_atomically,
)
from .batches import Batches
from .history import History
from .options import TrainingOptions, complete_options
from .step import training_step

_RECORD_EVERY = 25  # steps averaged into one row of the history
_SECONDS_BETWEEN_CHECKPOINTS = 10.0
_DIVERGED = 1e4  # an objective this many times further from zero than the first one is lost
_FILE_FORMAT = "tutorial_vae checkpoint 1"


class DivergenceError(RuntimeError):
    """Training produced a loss that is not finite, or that ran away. Names the step."""


def optimise(
    network: nn.Module,
    objective: nn.Module,
    sets: Sequence[Sequence[Tensor]],
    *,
    maximised: str,
    description: Any = None,
    **options: Unpack[TrainingOptions],
) -> History:
    """Train a network in place with Adam: the loop under :func:`fit` and the transfer methods.

    Each step draws one batch from every set and calls ``objective(network, *batches)``, which
    returns a named tuple of tensors, all per image or all for the batch. The mean of one is
    maximised; the means of all are recorded under their names. Parameters and buffers of the
    objective are trained and kept with the network's.

    Sets lie on the device wholly and are sliced by seeded permutations, a new one each epoch; the
    last entries of an epoch that do not fill a batch sit it out. Parameters that require no
    gradient are frozen, and modules that hold no others stay in evaluation mode, so that batch
    statistics stand still with them; all others train, whatever mode they came in. The global
    random state is left as it was. The network comes back to the device that it came from, and
    each part of it to its own mode.

    Args:
        network: what is trained.
        objective: what is maximised.
        sets: for each set its tensors, all of the same length: images as uint8 of shape (n,
            channels, height, width), which reach the objective as floats in [0, 1], and labels
            or whatever else the objective takes, in the order in which it takes them.
        maximised: name of the tensor that is maximised.
        description: what tells the network from others in a checkpoint; anything JSON can hold.
        options: see :class:`TrainingOptions`.

    Returns:
        A history of the whole run, what came before a resumption included: a row for every 25
        steps, averaged over them.

    Raises:
        DivergenceError, TypeError, ValueError, FileNotFoundError: see :class:`TrainingOptions`.
    """
    chosen = complete_options(options)
    seed, precision = chosen["seed"], chosen["precision"]
    path = None if chosen["checkpoint"] is None else Path(chosen["checkpoint"])
    settings: dict[str, Any] = {
        "model": description,
        "objective": repr(objective),
        "images": None if path is None else [_fingerprint(tensors) for tensors in sets],
        "batch_size": [min(chosen["batch_size"], len(tensors[0])) for tensors in sets],
        "lr": chosen["lr"],
        "seed": seed,
        "precision": precision,
    }
    if frozen := [name for name, value in network.named_parameters() if not value.requires_grad]:
        settings["frozen"] = frozen
    if tied := tied_entries(network):
        settings["tied"] = tied

    networks = nn.ModuleDict({"model": network, "objective": objective})
    with lent(networks, chosen["device"]) as target, own_random_state(target, seed):
        _train_unfrozen(network)
        objective.train()
        if precision == "bf16":
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        try:
            run = _Run(networks, _on(target, sets), settings, History(maximised))
            if path is not None and path.exists():
                run.restore(path)
            run.train(chosen["steps"], path, progress=chosen["progress"])
        finally:
            network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
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


class _Run:
    """One training run: everything that a checkpoint has to hold, and the loop."""

    def __init__(
        self,
        networks: nn.ModuleDict,
        sets: Sequence[Sequence[Tensor]],
        settings: dict[str, Any],
        history: History,
    ) -> None:
        self.networks = networks
        self.network, self.objective = networks["model"], networks["objective"]
        self.settings = settings
        self.device = sets[0][0].device
        # Frozen parameters are left out, so that no optimiser state moves them.
        self.parameters = [p for p in self.networks.parameters() if p.requires_grad]
        self.optimiser = torch.optim.Adam(self.parameters, lr=settings["lr"], fused=True)
        self.streams = [
            Batches(tensors, size)
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

    def _take_step(self) -> dict[str, Tensor]:
        """Take one step and return the means over the batch of what the objective returned."""
        terms = training_step(
            self.network,
            self.objective,
            self.optimiser,
            tuple(self._next_batch()),
            maximised=self.history.maximised,
            precision=self._autocast(),
        )
        return {name: term.detach().mean() for name, term in terms._asdict().items()}

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
        name = self.history.maximised
        started = time.perf_counter() - self.seconds
        saved = time.perf_counter()
        bar = tqdm(total=steps, initial=self.step, unit="step", disable=not progress, leave=False)
        with bar:
            while self.step < steps:
                # A row's values are read together: reading each would make a GPU wait.
                row = min(_RECORD_EVERY - self.step % _RECORD_EVERY, steps - self.step)
                taken = [self._take_step() for _ in range(row)]
                values = torch.stack([torch.stack(list(means.values())) for means in taken]).cpu()
                self._check_maximised(values[:, list(taken[0]).index(name)])
                self.step += row
                self.seconds = time.perf_counter() - started
                means = dict(zip(taken[0], values.double().mean(dim=0).tolist(), strict=True))
                self.history.append(self.step, means, self.seconds)
                bar.update(row)
                bar.set_postfix_str(f"{name} {means[name]:.5g} nats", refresh=False)
                due = time.perf_counter() - saved >= _SECONDS_BETWEEN_CHECKPOINTS
                if self.step == steps or due:
                    self._check_weights()
                    if path is not None:
                        self.save(path)
                    saved = time.perf_counter()

    def _check_maximised(self, values: Float[Tensor, " steps"]) -> None:
        before = self.history.columns[self.history.maximised]
        first = abs(before[0]) if before else values[0].abs().item()
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
            "history": self.history.columns,
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
        self.history.columns = metadata["history"]


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): v for n, v in tensors.items() if n.startswith(prefix)}


def _fingerprint(tensors: Sequence[Tensor]) -> str:
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.cpu().numpy().tobytes())
    return digest.hexdigest()
