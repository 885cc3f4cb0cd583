"""What a caller of ``load_images`` asks for, checked once, in the form every source receives."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from .catalogue import CATALOGUE
from .imageset import ImageSet
from .pixels import to_channels, to_square

SMALLEST_SIZE = 8  # pixels


@dataclass(frozen=True, kw_only=True)
class Request:
    """The arguments of ``load_images``.

    Raises:
        TypeError: the name is no string.
        ValueError: another argument is outside what ``load_images`` takes.
    """

    name: str
    split: str
    size: int
    channels: int | None
    limit: int | None
    seed: int
    root: str | Path | None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise TypeError(f"name must be a string such as 'digits', not {self.name!r}")
        if self.split not in ("train", "test"):
            raise ValueError(f"split must be 'train' or 'test', not {self.split!r}")
        if not _is_integer(self.size) or self.size < SMALLEST_SIZE:
            raise ValueError(
                f"size must be a whole number of at least {SMALLEST_SIZE} pixels, not {self.size!r}"
            )
        if self.channels is not None and (
            not _is_integer(self.channels) or self.channels not in (1, 3)
        ):
            raise ValueError(f"channels must be 1, 3 or None, not {self.channels!r}")
        if self.limit is not None and (not _is_integer(self.limit) or self.limit < 1):
            raise ValueError(
                f"limit must be a whole number of at least 1, or None, not {self.limit!r}"
            )
        if not _is_integer(self.seed) or self.seed < 0:
            raise ValueError(f"seed must be a whole number of at least 0, not {self.seed!r}")

    @property
    def is_test(self) -> bool:
        """Whether the test part is wanted."""
        return self.split == "test"

    @property
    def count(self) -> int:
        """How many images to draw, for a set that is drawn."""
        info = CATALOGUE[self.name]
        return self.limit or (info.test_count if self.is_test else info.train_count)

    def generator(self) -> torch.Generator:
        """Return a fresh source of random numbers, different for each set, split and seed."""
        # A set of the user's own counts by its kind, so that a move to another folder changes
        # nothing.
        kind = self.name.partition(":")[0]
        digest = hashlib.sha256(f"{kind} {self.split} {self.seed}".encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))

    def choose(self, count: int) -> Int64[Tensor, " chosen"]:
        """Return which of ``count`` stored images to keep, in which order."""
        if self.limit is None:
            return torch.arange(count)
        return torch.randperm(count, generator=self.generator())[: self.limit]

    def deliver(
        self,
        images: UInt8[Tensor, "count channels height width"],
        labels: Int64[Tensor, " count"] | None = None,
        class_names: tuple[str, ...] = (),
        factors: Int64[Tensor, "count factors"] | None = None,
        factor_names: tuple[str, ...] = (),
    ) -> ImageSet:
        """Return chosen images at the wanted size and with the wanted channels."""
        return ImageSet(
            name=self.name,
            images=to_channels(to_square(images, self.size), self.channels),
            labels=labels,
            factors=factors,
            class_names=class_names,
            factor_names=factor_names,
        )


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
