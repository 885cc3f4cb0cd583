"""Batches of a set that lies on the device wholly."""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Int
from torch import Tensor


class Batches:
    """Batches of one set, epoch after epoch, each in a new order.

    Args:
        tensors: of the set, all of the same length.
        batch_size: entries of a batch.

    Attributes:
        permutation: order of the present epoch. It and ``position`` are all that a checkpoint
            has to hold.
        position: in the permutation.
    """

    def __init__(self, tensors: Sequence[Tensor], batch_size: int) -> None:
        self.tensors = tensors
        self.batch_size = batch_size
        self.permutation = self._new_permutation()
        self.position = 0

    def _new_permutation(self) -> Int[Tensor, " n"]:
        # Drawn on the CPU, so that every device sees the same batches.
        return torch.randperm(len(self.tensors[0])).to(self.tensors[0].device)

    def next_batch(self) -> Iterator[Tensor]:
        """Return the next entries of each tensor."""
        if self.position + self.batch_size > len(self.permutation):
            self.permutation = self._new_permutation()
            self.position = 0
        chosen = self.permutation[self.position : self.position + self.batch_size]
        self.position += self.batch_size
        return (tensor[chosen] for tensor in self.tensors)
