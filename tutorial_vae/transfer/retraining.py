"""Retraining: a copy of a trained model, trained on new images after a component plan."""

import copy
import difflib
from dataclasses import dataclass
from typing import Unpack

import torch
from torch import Tensor

from ..data import ImageSet
from ..data.imageset import image_tensor
from ..devices import own_random_state
from ..models import VAE, fresh_copy, rebuilding_settings
from ..objectives import ELBO
from ..training import History, TrainingOptions, fit
from ..training.options import complete_options
from .plans import PLANS, Plan, layers_of

# Added to the seed. A source that was trained from the same seed began with that seed's weights,
# and fresh ones would take it back there.
FRESH_SEED = 1_000_000


@dataclass(frozen=True, eq=False)
class RetrainedModel:
    """A retrained copy of a source model, and what was done to it.

    Attributes:
        model: the copy, in the source's mode and on its device.
        plan: the plan that was followed.
        history: what training went through; empty where nothing was trained.
        trained: names of the parameters that were trained.
        reset: names of the layers that began with fresh weights.
        trained_parameters: how many numbers ``trained`` holds.
        parameters: how many numbers the whole model holds.
    """

    model: VAE
    plan: Plan
    history: History
    trained: tuple[str, ...]
    reset: tuple[str, ...]
    trained_parameters: int
    parameters: int


def retrain(
    model: VAE,
    images: ImageSet | Tensor,
    plan: Plan | str,
    **options: Unpack[TrainingOptions],
) -> RetrainedModel:
    """Train a copy of a model on new images, only where the plan says so.

    A frozen layer is frozen wholly: its weights, and the buffers of its batch normalisation. The
    source model and the global random state are left as they were.

    Args:
        model: the source model.
        images: an image set, or a tensor of shape (n, channels, height, width) that holds uint8
            or floats in [0, 1].
        plan: the name of one of ``PLANS``, or a plan of your own.
        options: see :class:`tutorial_vae.training.TrainingOptions`. The seed is that of the fresh
            weights too: a layer that begins afresh has the same ones under every plan. A
            ``checkpoint`` belongs to one source model and one plan.

    Raises:
        ValueError: there is no such plan, the model lacks a layer that it names, the images have a
            shape that it does not allow for, or an option is refused.

    Reference: training only some components of a VAE on a target follows Bonheme & Grzes 2023.
    """
    plan = _plan_called(plan) if isinstance(plan, str) else plan
    shape = tuple(image_tensor(images).shape[1:])
    if shape != model.image_shape and not plan.new_ends:
        channels, height, _ = model.image_shape
        raise ValueError(
            f"images have the shape {shape}, the model reads {model.image_shape}, and plan "
            f"{plan.name!r} keeps the layers that do not fit: plan 'new-ends' makes these anew; or "
            f"load the images in the model's shape, with size={height}, channels={channels}"
        )
    trained = frozenset(plan.trained(model))
    copied, reset = _start(model, shape, plan, complete_options(options)["seed"])
    for name, parameter in copied.named_parameters():
        parameter.requires_grad_(name in trained)
    nothing = History(columns={name: [] for name in ("step", *ELBO._fields, "seconds")})
    history = fit(copied, images, **options) if trained else nothing
    copied.requires_grad_(True)
    sizes = {name: parameter.numel() for name, parameter in copied.named_parameters()}
    names = tuple(name for name in sizes if name in trained)
    return RetrainedModel(
        model=copied,
        plan=plan,
        history=history,
        trained=names,
        reset=reset,
        trained_parameters=sum(sizes[name] for name in names),
        parameters=sum(sizes.values()),
    )


def _plan_called(name: str) -> Plan:
    if name not in PLANS:
        close = difflib.get_close_matches(name, PLANS, n=1)
        raise ValueError(
            f"there is no plan {name!r}{f' (did you mean {close[0]!r}?)' if close else ''}: plan "
            f"must be one of {', '.join(PLANS)}, or a Plan"
        )
    return PLANS[name]


def _start(
    model: VAE, shape: tuple[int, ...], plan: Plan, seed: int
) -> tuple[VAE, tuple[str, ...]]:
    """Return the model that training starts from, and the names of its fresh layers."""
    old = model.state_dict()
    if shape == model.image_shape:
        fresh = plan.reset_entries(model)
        untrained = fresh_copy(model, FRESH_SEED + seed, entries=fresh)
        start = copy.deepcopy(model)
    else:
        settings = rebuilding_settings(model) | {"image_shape": shape}
        with own_random_state(torch.device("cpu"), FRESH_SEED + seed):
            start = untrained = VAE(**settings)
        misfits = {n for n, value in untrained.state_dict().items() if value.shape != old[n].shape}
        fresh = plan.reset_entries(model, misfits)
    new = untrained.state_dict()
    start.load_state_dict({name: new[name] if name in fresh else old[name] for name in old})
    start.to(next(model.parameters()).device).train(model.training)
    return start, layers_of(model, fresh)
