"""Random numbers of a run's own, which leave the global state as it was."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


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
