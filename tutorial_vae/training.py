"""Training: one loop for every objective, on any device, that survives being killed."""

import dataclasses
import hashlib
import json
import math
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int, UInt8
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from .data import ImageSet
from .data.imageset import as_float, image_tensor
from .models import (
    VAE,
    packed_metadata,
    resolve_device,
    unpacked_metadata,
    write_atomically,
)
from .objectives import BetaVAE

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

PRECISIONS = ("32", "bf16")

_RECORD_EVERY = 25  # steps averaged into one row of the history
_SECONDS_BETWEEN_CHECKPOINTS = 10.0
_DIVERGED = 1e4  # an ELBO this many times further from zero than the first one is lost
_FILE_FORMAT = "tutorial_vae checkpoint 1"


class DivergenceError(RuntimeError):
    """Training produced a loss that is not finite, or that ran away. Names the step."""


@dataclasses.dataclass(frozen=True)
class History:
    """What training went through: one row for every 25 steps, averaged over them.

    Attributes:
        step: number of the last step of each row, counted from 1.
        elbo: the objective that was maximised, mean per image in nats.
        log_likelihood: its reconstruction part, mean per image in nats.
        kl: unweighted KL, mean per image in nats.
        seconds: time spent training up to each row, without time between a stop and a resumption.
    """

    step: list[int] = dataclasses.field(default_factory=list)
    elbo: list[float] = dataclasses.field(default_factory=list)
    log_likelihood: list[float] = dataclasses.field(default_factory=list)
    kl: list[float] = dataclasses.field(default_factory=list)
    seconds: list[float] = dataclasses.field(default_factory=list)

    def __len__(self) -> int:
        return len(self.step)

    def to_frame(self) -> "pandas.DataFrame":
        """Return the rows as a pandas table (pandas has to be installed)."""
        import pandas

        return pandas.DataFrame(dataclasses.asdict(self))

    def plot(self) -> "Figure":
        """Draw ELBO, log-likelihood and KL against the training step."""
        from .plots import training_curves

        return training_curves(self)


def fit(
    model: VAE,
    images: ImageSet | Tensor,
    *,
    objective: nn.Module | None = None,
    steps: int = 2000,
    batch_size: int = 64,
    lr: float = 1e-3,
    seed: int = 0,
    device: str | torch.device = "auto",
    precision: str = "32",
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> History:
    """Train a model in place with Adam, and return what training went through.

    The whole set lies on the device as uint8 and is sliced by a seeded permutation, a new one each
    epoch; the last images of an epoch that do not fill a batch sit it out. Parameters that require
    no gradient are frozen, and modules that hold no others stay in evaluation mode, so that batch
    statistics stand still with them. The global random state is left as it was. The model comes
    back to the device and the mode that it came with.

    Args:
        model: the model to train.
        images: an image set, or a tensor of shape (n, channels, height, width) that holds uint8
            or floats in [0, 1] (rounded to 256 levels).
        objective: what to maximise; the evidence lower bound, :class:`BetaVAE` with β = 1, when
            it is not given.
        steps: number of optimiser steps in all, those before a resumption included.
        batch_size: images per step; all of them when there are fewer.
        lr: Adam's learning rate.
        seed: source of the batches and of the latent noise. The start weights are the model's.
        device: ``"auto"`` (CUDA, else MPS, else CPU) or the name of a device.
        precision: ``"32"``, or ``"bf16"`` for bfloat16 autocast in channels-last layout.
        checkpoint: file that holds everything needed to go on, replaced in one step about every
            ten seconds and at the end. When it exists, training goes on from it and ends, on the
            same machine, with the same weights bit for bit as a run that was never stopped. It
            holds tensors and text, no code.
        progress: whether to show a progress bar.

    Returns:
        The history of the whole run, what came before a resumption included.

    Raises:
        DivergenceError: the loss or a weight was not finite, or the loss ran away. The checkpoint,
            if there is one, keeps the last good state.
        ValueError: an argument is outside what is said above, or ``checkpoint`` belongs to another
            run.
        FileNotFoundError: the folder of ``checkpoint`` does not exist.
    """
    pixels = image_tensor(images)
    if tuple(pixels.shape[1:]) != model.image_shape:
        raise ValueError(
            f"images have the shape {tuple(pixels.shape[1:])}, but the model was made for "
            f"{model.image_shape}"
        )
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
    objective = BetaVAE() if objective is None else objective
    path = None if checkpoint is None else Path(checkpoint)
    if path is not None and not path.parent.is_dir():
        raise FileNotFoundError(
            f"cannot write checkpoint {path}: the folder {path.parent} does not exist"
        )
    settings: dict[str, Any] = {
        "model": [model.image_shape, model.latent_dim, model.architecture, model.likelihood],
        "objective": repr(objective),
        "images": None if path is None else _fingerprint(pixels),
        "batch_size": min(batch_size, len(pixels)),
        "lr": lr,
        "seed": seed,
        "precision": precision,
    }
    if frozen := [name for name, value in model.named_parameters() if not value.requires_grad]:
        settings["frozen"] = frozen

    home, was_training = next(model.parameters()).device, model.training
    _train_unfrozen(model.to(target))
    objective.to(target).train()
    if precision == "bf16":
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    try:
        with own_random_state(target, seed):
            run = _Run(model, objective, pixels.to(target), settings)
            if path is not None and path.exists():
                run.restore(path)
            run.train(steps, path, progress=progress)
    finally:
        model.to(home).train(was_training)
        model.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        objective.to(home)
    return run.history


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
        model: VAE,
        objective: nn.Module,
        pixels: UInt8[Tensor, "n channels height width"],
        settings: dict[str, Any],
    ) -> None:
        self.model = model
        self.objective = objective
        self.pixels = pixels
        self.settings = settings
        self.batch_size: int = settings["batch_size"]
        self.networks = nn.ModuleDict({"model": model, "objective": objective})
        # Frozen parameters are left out, so that no optimiser state moves them.
        self.parameters = [p for p in self.networks.parameters() if p.requires_grad]
        self.optimiser = torch.optim.Adam(self.parameters, lr=settings["lr"], fused=True)
        self.permutation = self._new_permutation()
        self.position = 0  # in the permutation
        self.step = 0
        self.seconds = 0.0
        self.history = History()

    def _new_permutation(self) -> Int[Tensor, " n"]:
        # Drawn on the CPU, so that every device sees the same batches.
        return torch.randperm(len(self.pixels)).to(self.pixels.device)

    def _next_batch(self) -> Float[Tensor, "batch channels height width"]:
        if self.position + self.batch_size > len(self.permutation):
            self.permutation = self._new_permutation()
            self.position = 0
        chosen = self.permutation[self.position : self.position + self.batch_size]
        self.position += self.batch_size
        batch = as_float(self.pixels[chosen])
        if self.settings["precision"] == "bf16":
            batch = batch.contiguous(memory_format=torch.channels_last)
        return batch

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.settings["precision"] == "32":
            return nullcontext()
        return torch.autocast(self.pixels.device.type, torch.bfloat16)

    def _take_step(self) -> Float[Tensor, " three"]:
        """Take one step and return the batch means of ELBO, log-likelihood and KL."""
        batch = self._next_batch()
        with self._autocast():
            bound = self.objective(self.model, batch)
        loss = -bound.elbo.mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        return torch.stack([part.detach().mean() for part in bound])

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
                self._check_bound(values[:, 0])
                self.step += row
                self.seconds = time.perf_counter() - started
                self._record(values)
                bar.update(row)
                bar.set_postfix_str(f"ELBO {self.history.elbo[-1]:.1f} nats", refresh=False)
                due = time.perf_counter() - saved >= _SECONDS_BETWEEN_CHECKPOINTS
                if self.step == steps or due:
                    self._check_weights()
                    if path is not None:
                        self.save(path)
                    saved = time.perf_counter()

    def _record(self, values: Float[Tensor, "steps 3"]) -> None:
        row = [self.step, *values.double().mean(dim=0).tolist(), self.seconds]
        for field, value in zip(dataclasses.fields(self.history), row, strict=True):
            getattr(self.history, field.name).append(value)

    def _check_bound(self, bound: Float[Tensor, " steps"]) -> None:
        first = abs(self.history.elbo[0]) if len(self.history) else bound[0].abs().item()
        bad = ~bound.isfinite() | (bound.abs() > _DIVERGED * max(first, 1.0))
        if bad.any():
            index = int(bad.nonzero()[0])
            raise DivergenceError(
                f"training diverged at step {self.step + index + 1}: the objective was "
                f"{bound[index].item():g} nats. Try a smaller lr, and check that the images lie in "
                "[0, 1]"
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
        tensors = {f"networks.{name}": v for name, v in self.networks.state_dict().items()}
        tensors |= {f"optimiser.{i}.{name}": v for i, s in state.items() for name, v in s.items()}
        tensors["permutation"] = self.permutation
        tensors |= {f"random.{name}": v for name, v in _random_states(self.pixels.device).items()}
        metadata = {
            "format": _FILE_FORMAT,
            "settings": self.settings,
            "step": self.step,
            "position": self.position,
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
        self.networks.load_state_dict(_under("networks.", tensors))
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in _under("optimiser.", tensors).items():
            index, _, part = name.partition(".")
            state.setdefault(int(index), {})[part] = value
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": state, "param_groups": groups})
        self.permutation = tensors["permutation"].to(self.pixels.device)
        _set_random_states(self.pixels.device, _under("random.", tensors))
        self.step, self.position = metadata["step"], metadata["position"]
        self.seconds = metadata["seconds"]
        self.history = History(**metadata["history"])


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): v for n, v in tensors.items() if n.startswith(prefix)}


def _fingerprint(pixels: UInt8[Tensor, "n channels height width"]) -> str:
    return hashlib.sha256(pixels.cpu().numpy().tobytes()).hexdigest()


def _random_states(device: torch.device) -> dict[str, Tensor]:
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def _set_random_states(device: torch.device, states: dict[str, Tensor]) -> None:
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)
    elif device.type == "mps":
        torch.mps.set_rng_state(states["mps"])


@contextmanager
def own_random_state(device: torch.device, seed: int) -> Iterator[None]:
    """Draw random numbers from ``seed`` inside the block, and leave the global state as it was.

    Args:
        device: the device whose generator is seeded along with the CPU's.
        seed: the seed.
    """
    before = _random_states(device)
    torch.manual_seed(seed)
    try:
        yield
    finally:
        _set_random_states(device, before)
