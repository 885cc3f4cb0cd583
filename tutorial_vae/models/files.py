"""Models in files: one safetensors file each, weights and the settings that rebuild them."""

import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ..devices import own_random_state
from ..files import (
    packed_metadata,
    stored_entries,
    tie,
    tied_entries,
    unpacked_metadata,
    write_atomically,
)
from .networks import ARCHITECTURES
from .vae import VAE

_FILE_FORMAT = "tutorial_vae model 1"


def rebuilding_settings(model: VAE) -> dict[str, Any]:
    """Return the arguments with which ``VAE`` makes a model of the same layers.

    Args:
        model: the model. The global random state is left as it was.

    Raises:
        ValueError: there are none, because the model has a network of its own.
    """
    settings: dict[str, Any] = {
        "image_shape": model.image_shape,
        "latent_dim": model.latent_dim,
        "architecture": model.architecture,
        "likelihood": model.likelihood,
    }
    mend = (
        "add its two classes to tutorial_vae.models.ARCHITECTURES under a name and set "
        "model.architecture to that name, or keep its state_dict() and build it again yourself"
    )
    if model.architecture not in ARCHITECTURES:
        raise ValueError(
            f"model has the architecture {model.architecture!r}, which is none of "
            f"{', '.join(ARCHITECTURES)}: {mend}"
        )
    with own_random_state(torch.device("cpu"), 0):
        rebuilt = VAE(**settings)
    here, there = (
        {name: tuple(value.shape) for name, value in each.state_dict().items()}
        for each in (model, rebuilt)
    )
    own = [name for name in here | there if here.get(name) != there.get(name)] or [
        part
        for part in ("encoder", "decoder")
        if repr(model.get_submodule(part)) != repr(rebuilt.get_submodule(part))
    ]
    if own:
        more = f" and {len(own) - 4} more" if len(own) > 4 else ""
        raise ValueError(
            f"model has layers of its own ({', '.join(own[:4])}{more}), other than architecture "
            f"{model.architecture!r} makes: {mend}"
        )
    return settings


def save_model(
    model: VAE, path: str | os.PathLike[str], *, dtype: torch.dtype | None = None
) -> None:
    """Save a model in one safetensors file: its weights and the settings that rebuild it.

    Args:
        model: the model to save.
        path: file to write; an existing one is replaced in one step.
        dtype: floating type that the weights are rounded to in the file, their own when it is not
            given. ``torch.bfloat16`` halves the file and keeps 8 significant bits. Loaded, weights
            are float32 again.

    Raises:
        FileNotFoundError: the folder of ``path`` does not exist.
        ValueError: ``dtype`` is no floating type, or the model has a network of its own, which
            :func:`load_model` could not rebuild: nothing is written.
    """
    if dtype is not None and not dtype.is_floating_point:
        raise ValueError(f"dtype must be a floating type such as torch.bfloat16, not {dtype}")
    settings = rebuilding_settings(model)
    tensors = {
        name: value.to(dtype) if dtype and value.is_floating_point() else value
        for name, value in stored_entries(model).items()
    }
    content: dict[str, Any] = {"format": _FILE_FORMAT, "settings": settings}
    if tied := tied_entries(model):
        content["tied"] = tied
    metadata = packed_metadata(content)
    write_atomically(path, save(tensors, metadata=metadata))


def load_model(path: str | os.PathLike[str]) -> VAE:
    """Load a model that :func:`save_model` wrote. Nothing in the file is run as code.

    Args:
        path: the file.

    Returns:
        The model, on the CPU, in evaluation mode.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not a model of this package, or is damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no model file at {path}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = unpacked_metadata(file.metadata())
            if metadata.get("format") != _FILE_FORMAT:
                raise ValueError(
                    f"{path} is a safetensors file, but not a model saved by tutorial_vae: it says "
                    f"format {metadata.get('format')!r} instead of {_FILE_FORMAT!r}"
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(
            f"{path} is not a model saved by tutorial_vae, or it is damaged ({error}): save it "
            "again with save_model or `tutorial-vae train`"
        ) from None
    try:
        model = VAE(**metadata["settings"])
        tied = metadata.get("tied", {})
        tie(model, tied)
        model.load_state_dict(tensors | {name: tensors[earlier] for name, earlier in tied.items()})
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{path} does not hold a whole model: {' '.join(str(error).split())}"
        ) from None
    return model.eval()
