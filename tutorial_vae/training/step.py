"""One step of training. All the rest of this folder repeats it, and keeps what came of it."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import Optimizer


def training_step(
    network: nn.Module,
    objective: nn.Module,
    optimiser: Optimizer,
    batch: tuple[Tensor, ...],
    *,
    maximised: str,
    precision: AbstractContextManager[Any] | None = None,
) -> Any:
    """Move the weights a little, so that the objective of a batch becomes larger.

    Args:
        network: what is trained.
        objective: called with the network and the batch, it returns a named tuple of tensors.
        optimiser: of the weights, and of the objective's own if it has any.
        batch: images, and whatever else the objective takes.
        maximised: which of the objective's tensors is maximised, in the mean.
        precision: in which the objective is computed, for example ``torch.autocast("cuda")``.

    Returns:
        What the objective returned, from before the weights moved.

    Raises:
        TypeError: the objective does not return a named tuple with that name in it.
    """
    with precision or nullcontext():
        terms = objective(network, *batch)
    loss = -_mean(terms, maximised)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
    return terms


def _mean(terms: Any, name: str) -> Float[Tensor, ""]:
    if name not in getattr(terms, "_fields", ()):
        raise TypeError(f"objective must return a named tuple with a field {name!r}, not {terms!r}")
    return getattr(terms, name).mean()
