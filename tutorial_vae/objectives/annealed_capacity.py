"""Annealed capacity: the KL is held at a target that rises while training goes on."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..checks import check_count, check_weight
from ..models import VAE
from .bound import ELBO, elbo


class AnnealedCapacity(nn.Module):
    r"""Hold the KL at a capacity that rises linearly, as an objective for :func:`tutorial_vae.fit`.

    .. math:: \mathbb{E}_{q(z|x)}[\log p(x|z)] - \gamma \left|\overline{\mathrm{KL}} - C(t)\right|,
              \qquad C(t) = C_{\max} \min(t / T, 1)

    The KL is averaged over the batch before it is compared with C, as in disentanglement_lib: C is
    the mean information per image, and images may differ in how much of it they need. ``elbo`` is
    the line above, with the same penalty for each image.

    The number of steps taken is part of the object: it is kept in checkpoints, it does not move in
    evaluation mode, and a new training run needs a new object.

    Args:
        capacity: the final capacity, in nats per image.
        steps: training steps over which the capacity rises from 0 to ``capacity``.
        gamma: weight of the distance between KL and capacity.

    Attributes:
        step: training steps taken so far, a buffer.

    Raises:
        ValueError: ``capacity`` or ``gamma`` is negative or infinite, or ``steps`` is below 1.

    Reference: Burgess et al. 2018, equation 8.
    """

    step: Tensor

    def __init__(self, capacity: float, steps: int, *, gamma: float = 1000.0) -> None:
        super().__init__()
        check_weight("capacity", capacity)
        check_count("steps", steps)
        check_weight("gamma", gamma)
        self.capacity = capacity
        self.steps = steps
        self.gamma = gamma
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def current_capacity(self) -> Float[Tensor, ""]:
        """Return C at the present step, in nats per image."""
        return self.capacity * (self.step / self.steps).clamp(max=1)

    def forward(self, model: VAE, x: Float[Tensor, "batch channels height width"]) -> ELBO:
        """Return the objective of each image, from one draw of its posterior, and count the step.

        Raises:
            ValueError: ``x`` does not suit the model.
        """
        bound = elbo(model, x)
        distance = (bound.kl.mean() - self.current_capacity()).abs()
        if self.training:
            self.step += 1
        return bound._replace(elbo=bound.log_likelihood - self.gamma * distance)

    def extra_repr(self) -> str:
        """Name the settings, so that a checkpoint can tell one objective from another."""
        return f"capacity={self.capacity}, steps={self.steps}, gamma={self.gamma}"
