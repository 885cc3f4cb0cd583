"""What is lent and given back: a device, random numbers, a model in evaluation mode."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


def resolve_device(device: str | torch.device = "auto") -> torch.device:
    """Return the device to compute on.

    Args:
        device: ``"auto"`` takes CUDA, else Apple's MPS, else the CPU; any other name is taken at
            its word.

    Raises:
        ValueError: there is no such device here.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        resolved = torch.device(device)
        torch.empty(0, device=resolved)
    except (AssertionError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"device {str(device)!r} cannot be used here ({reason}): use device='auto'"
        ) from None
    return resolved


@contextmanager
def lent(model: nn.Module, device: str | torch.device | None = None) -> Iterator[torch.device]:
    """Take a model for the length of the block, and give it back as it came.

    Afterwards each part is in the mode in which it was, whatever the mode of the others: somebody
    may have put only one of them into evaluation mode. The model is on its old device again.

    Args:
        model: any module.
        device: ``"auto"`` or the name of a device to take it to; where it is, if not given.

    Yields:
        The device.
    """
    home = device_of(model)
    target = home if device is None else resolve_device(device)
    modes = [(part, part.training) for part in model.modules()]
    try:
        model.to(target)
        yield target
    finally:
        model.to(home)
        for part, training in modes:
            part.training = training


@contextmanager
def evaluation_mode(
    model: nn.Module, device: str | torch.device | None = None
) -> Iterator[torch.device]:
    """Put a model into evaluation mode inside the block, and give it back as it came.

    Args:
        model: as in :func:`lent`.
        device: as in :func:`lent`.

    Yields:
        The device.
    """
    with lent(model, device) as target:
        model.eval()
        yield target


def device_of(model: nn.Module) -> torch.device:
    """Return where a model is: the device of its first parameter, or the CPU if it has none.

    Args:
        model: any module.
    """
    return next((value.device for value in model.parameters()), torch.device("cpu"))


def random_states(device: torch.device) -> dict[str, Tensor]:
    """Return the states of the generators that work on a device draws from: the CPU's and its own.

    Args:
        device: the device.
    """
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def set_random_states(device: torch.device, states: dict[str, Tensor]) -> None:
    """Put generators back into states that :func:`random_states` returned.

    Args:
        device: the device.
        states: what it returned for that device.
    """
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
    before = random_states(device)
    torch.manual_seed(seed)
    try:
        yield
    finally:
        set_random_states(device, before)
