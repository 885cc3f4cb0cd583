"""A test part for pictures that come without one."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool
from torch import Tensor

_FEWEST = 5


def held_out_fifth(digests: Sequence[bytes], source: str) -> Bool[Tensor, " count"]:
    """Return which pictures are the test part: those whose digest ranks in the lowest fifth.

    The choice depends on what the pictures show alone: not on their order, their names or a seed.
    Identical pictures end up in the same part.

    Args:
        digests: a hash of the content of each picture.
        source: what to call the pictures in an error.

    Raises:
        ValueError: fewer than five pictures differ.
    """
    distinct = sorted(set(digests))
    if len(distinct) < _FEWEST:
        raise ValueError(
            f"{source} holds {len(distinct)} different pictures; at least {_FEWEST} are needed to "
            "hold a fifth out for testing"
        )
    held_out = set(distinct[: len(distinct) // 5])
    return torch.tensor([digest in held_out for digest in digests])
