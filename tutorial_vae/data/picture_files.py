"""Many picture files as one tensor."""

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import UInt8
from torch import Tensor

from .pictures import read_picture
from .pixels import to_channels

_KINDS = {1: "grey", 3: "in colour"}


def read_pictures(
    paths: Sequence[Path], size: int, channels: int | None
) -> UInt8[Tensor, "count channels {size} {size}"]:
    """Read pictures as :func:`read_picture` does, all with the same channels.

    Args:
        paths: the files, at least one.
        size: side of the results, in pixels.
        channels: 1 for grey, 3 for colour, ``None`` for what all of the pictures have.

    Raises:
        ValueError: a file cannot be read, or some are grey and some in colour and ``channels`` does
            not say which to make of them.
    """
    pictures: list[Tensor] = []
    for path in paths:
        picture = to_channels(read_picture(path, size)[None], channels)
        if pictures and picture.shape != pictures[0].shape:
            raise ValueError(
                f"{path} is {_KINDS[picture.shape[1]]} and {paths[0]} is "
                f"{_KINDS[pictures[0].shape[1]]}; ask for channels=1 or channels=3 to convert them "
                "all"
            )
        pictures.append(picture)
    return torch.cat(pictures)
