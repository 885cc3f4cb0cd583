"""Files that are written whole or not at all, and where data is kept."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

DATA_VARIABLE = "TUTORIAL_VAE_DATA"


def data_root(root: str | Path | None = None) -> Path:
    """Return the folder that downloaded sets lie in.

    Args:
        root: the folder. Without one it is the environment variable ``TUTORIAL_VAE_DATA``, and
            without that the user's cache folder.
    """
    chosen = root or os.environ.get(DATA_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("tutorial_vae"))


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write ``content`` so that ``path`` holds either what it held before or all of it.

    Args:
        path: file to write. Its folder must exist.
        content: the whole content.

    Raises:
        FileNotFoundError: the folder does not exist.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot write {path}: the folder {path.parent} does not exist")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def packed_metadata(content: dict[str, Any]) -> dict[str, str]:
    """Return what a file says about itself in the one form that safetensors stores.

    Args:
        content: anything that JSON can hold.
    """
    # One entry: safetensors writes several in random order, and equal models would differ in bytes.
    return {"tutorial_vae": json.dumps(content)}


def unpacked_metadata(metadata: dict[str, str] | None) -> dict[str, Any]:
    """Return what :func:`packed_metadata` packed; nothing for the files of others."""
    try:
        return json.loads((metadata or {})["tutorial_vae"])
    except (KeyError, ValueError):
        return {}


def tied_entries(network: nn.Module) -> dict[str, str]:
    """Return which entries of a ``state_dict`` are an earlier entry under another name.

    Args:
        network: any network.

    Returns:
        The earlier name by the later one; nothing for a network whose weights are all its own.
    """
    first: dict[int, str] = {}
    entries = network.state_dict(keep_vars=True)
    names = {name: first.setdefault(id(entry), name) for name, entry in entries.items()}
    return {name: earlier for name, earlier in names.items() if name != earlier}


def stored_entries(network: nn.Module) -> dict[str, Tensor]:
    """Return what a file keeps of a network: copies of its entries, those that are tied once.

    Args:
        network: any network.

    Returns:
        Tensors on the CPU, none of which shares memory with another.
    """
    tied = tied_entries(network)
    return {
        name: entry.detach().to("cpu", copy=True).contiguous()
        for name, entry in network.state_dict().items()
        if name not in tied
    }


def tie(network: nn.Module, tied: Mapping[str, str]) -> None:
    """Make one weight of those that :func:`tied_entries` found, in a network made anew.

    Args:
        network: the network, whose own weights under the later names are given up.
        tied: the earlier name by the later one.

    Raises:
        ValueError: the network has no such entries.
    """
    entries = network.state_dict(keep_vars=True)
    for name, earlier in tied.items():
        owner, _, attribute = name.rpartition(".")
        if name not in entries or earlier not in entries:
            raise ValueError(f"tied must name entries of the network, not {name!r} and {earlier!r}")
        setattr(network.get_submodule(owner), attribute, entries[earlier])
