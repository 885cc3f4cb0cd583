"""The one form in which every set of images arrives."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

_KINDS = {torch.uint8: "uint8", torch.int64: "int64"}


@dataclass(frozen=True, eq=False, repr=False)
class ImageSet:
    """Images of one size, with what is known about each.

    ``set[3]`` and iteration give ``(image, label)`` pairs, with ``None`` as the label of an image
    without one. A slice, an array of indices or a boolean mask gives another image set.

    Attributes:
        name: where the images come from, for example ``"digits"``.
        images: uint8 pixels of shape (N, channels, height, width).
        labels: class of each image as an index into ``class_names``, int64 of shape (N,), or
            ``None`` for images without classes.
        factors: value of each factor of variation as an index, int64 of shape (N, factors), or
            ``None`` where the factors are not known.
        class_names: what the labels stand for; empty without labels.
        factor_names: what the columns of ``factors`` stand for; empty without factors.

    Raises:
        TypeError: a field is not a tensor.
        ValueError: a field has the wrong type of number or shape, or two fields do not go together.
    """

    name: str
    images: UInt8[Tensor, "count channels height width"]
    labels: Int64[Tensor, " count"] | None = None
    factors: Int64[Tensor, "count factors"] | None = None
    class_names: tuple[str, ...] = ()
    factor_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check("images", self.images, torch.uint8, "(N, channels, height, width)", 4)
        if self.labels is not None:
            _check("labels", self.labels, torch.int64, "(N,)", 1, len(self.images))
            if len(self.labels) and not (
                self.labels.min() >= 0 and self.labels.max() < len(self.class_names)
            ):
                raise ValueError(
                    f"labels must be indices into the {len(self.class_names)} class_names, not "
                    f"values from {self.labels.min()} to {self.labels.max()}"
                )
        if self.factors is not None:
            _check("factors", self.factors, torch.int64, "(N, factors)", 2, len(self.images))
            if self.factors.shape[1] != len(self.factor_names):
                raise ValueError(
                    f"factors has {self.factors.shape[1]} columns and factor_names has "
                    f"{len(self.factor_names)} names; they must be as many"
                )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of every image."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    def __len__(self) -> int:
        return len(self.images)

    @overload
    def __getitem__(self, index: int) -> tuple[Tensor, int | None]: ...

    @overload
    def __getitem__(self, index: slice | Sequence[Any] | np.ndarray | Tensor) -> "ImageSet": ...

    def __getitem__(self, index: Any) -> "tuple[Tensor, int | None] | ImageSet":
        if isinstance(index, int | np.integer):
            label = None if self.labels is None else int(self.labels[index])
            return self.images[index], label
        if not isinstance(index, slice):
            index = torch.as_tensor(index)
            if index.numel() == 0 and index.dtype != torch.bool:
                index = index.long()
            if index.ndim != 1 or index.is_floating_point():
                raise IndexError(
                    "an image set is indexed by a number, a slice, a list of numbers or a "
                    f"boolean mask, not by {index.dtype} of shape {tuple(index.shape)}"
                )
        return ImageSet(
            name=self.name,
            images=self.images[index],
            labels=None if self.labels is None else self.labels[index],
            factors=None if self.factors is None else self.factors[index],
            class_names=self.class_names,
            factor_names=self.factor_names,
        )

    def __iter__(self) -> Iterator[tuple[Tensor, int | None]]:
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        shape = "×".join(map(str, self.image_shape))
        classes = f", {len(self.class_names)} classes" if self.class_names else ""
        return f"ImageSet({self.name!r}, {len(self):,} images of {shape}{classes})"


def _check(
    field: str,
    value: object,
    kind: torch.dtype,
    shape: str,
    ndim: int,
    length: int | None = None,
) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"{field} must be a tensor, not {type(value).__name__}")
    if value.dtype != kind:
        raise ValueError(f"{field} must hold {_KINDS[kind]} numbers, not {value.dtype}")
    if value.ndim != ndim:
        raise ValueError(f"{field} must have the shape {shape}, not {tuple(value.shape)}")
    if length is not None and len(value) != length:
        raise ValueError(f"{field} has {len(value)} entries for {length} images")


def image_tensor(images: ImageSet | Tensor) -> UInt8[Tensor, "n channels height width"]:
    """Return images as one uint8 tensor.

    Args:
        images: an image set, or a tensor of shape (n, channels, height, width) that holds uint8
            or floats in [0, 1].

    Raises:
        TypeError: ``images`` is neither.
        ValueError: the tensor has another shape, type or range, or holds no image.
    """
    if isinstance(images, ImageSet):
        images = images.images
    if not isinstance(images, Tensor):
        raise TypeError(f"images must be an ImageSet or a tensor, not {type(images).__name__}")
    if images.ndim != 4 or len(images) == 0:
        raise ValueError(
            "images must have the shape (n, channels, height, width) with n of at least 1, not "
            f"{tuple(images.shape)}"
        )
    if images.dtype == torch.uint8:
        return images
    if not images.is_floating_point():
        raise ValueError(f"images must be uint8, or floats in [0, 1], not {images.dtype}")
    low, high = images.min().item(), images.max().item()
    if not (low >= 0 and high <= 1):
        raise ValueError(f"images must lie in [0, 1], but they range from {low:g} to {high:g}")
    return (images * 255).round().to(torch.uint8)


def as_float(
    images: UInt8[Tensor, "n channels height width"],
) -> Float[Tensor, "n channels height width"]:
    """Return uint8 images as the floats in [0, 1] that models read."""
    return images.float().div_(255)
