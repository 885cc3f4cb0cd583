"""Images with a box around each object, the form that every detection set has."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor

_NO_OBJECT = -1


@dataclass(frozen=True, eq=False, repr=False)
class DetectionSet:
    """Images of one size, with the box and the class of each object in them.

    Images hold different numbers of objects, so boxes and labels are padded to the most that one
    image holds: ``labels >= 0`` tells the objects from the padding. ``set[3]`` gives one image with
    its own boxes and labels, without padding. A slice, an array of indices or a boolean mask gives
    another detection set.

    Attributes:
        name: where the images come from, for example ``"scenes"``.
        images: uint8 pixels of shape (N, channels, height, width).
        boxes: left, top, right and bottom edge of each object in pixels from the top left corner of
            the image, float32 of shape (N, most, 4); nan where there is no object. A box around one
            pixel is 1 wide and 1 high.
        labels: class of each object as an index into ``class_names``, int64 of shape (N, most); -1
            where there is no object.
        class_names: what the labels stand for.
        left_out: how many objects of each image the source knows and this set has no box for, int64
            of shape (N,), or ``None`` for a source that tells of all.

    Raises:
        TypeError: a field is not a tensor.
        ValueError: a field has the wrong type of number or shape, two fields do not go together, a
            label has no class, or a box is empty or reaches out of its image.
    """

    name: str
    images: UInt8[Tensor, "count channels height width"]
    boxes: Float32[Tensor, "count most 4"]
    labels: Int64[Tensor, "count most"]
    class_names: tuple[str, ...]
    left_out: Int64[Tensor, " count"] | None = None

    def __post_init__(self) -> None:
        _check("images", self.images, torch.uint8, ("N", "channels", "height", "width"))
        count = len(self.images)
        _check("labels", self.labels, torch.int64, (count, "most"))
        _check("boxes", self.boxes, torch.float32, (*self.labels.shape, 4))
        if self.left_out is not None:
            _check("left_out", self.left_out, torch.int64, (count,))
        self._check_labels()
        self._check_boxes()

    def _check_labels(self) -> None:
        unknown = (self.labels < _NO_OBJECT) | (self.labels >= len(self.class_names))
        if place := _first(unknown):
            raise ValueError(
                f"labels must be indices into the {len(self.class_names)} class_names, or "
                f"{_NO_OBJECT} for no object, not {self.labels[place]} (image {place[0]}, object "
                f"{place[1]})"
            )

    def _check_boxes(self) -> None:
        is_object = self.labels >= 0
        if place := _first(is_object != ~self.boxes.isnan().all(-1)):
            raise ValueError(
                f"boxes must be nan just where labels are {_NO_OBJECT}; the label of image "
                f"{place[0]}, object {place[1]} is {self.labels[place]} and its box is "
                f"{self.boxes[place].tolist()}"
            )
        left, top, right, bottom = self.boxes.unbind(-1)
        # A comparison with nan is false, so a box that is nan in part is wrong as well.
        if place := _first(is_object & ~((right > left) & (bottom > top))):
            raise ValueError(
                "boxes must be left, top, right and bottom, with left < right and top < bottom, "
                f"not {self.boxes[place].tolist()} (image {place[0]}, object {place[1]})"
            )
        _, height, width = self.image_shape
        inside = (left >= 0) & (top >= 0) & (right <= width) & (bottom <= height)
        if place := _first(is_object & ~inside):
            raise ValueError(
                f"boxes must lie in the images, which are {width} pixels wide and {height} high, "
                f"not {self.boxes[place].tolist()} (image {place[0]}, object {place[1]}); clip them"
            )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of every image."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    def __len__(self) -> int:
        return len(self.images)

    @overload
    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]: ...

    @overload
    def __getitem__(self, index: slice | Sequence[Any] | np.ndarray | Tensor) -> "DetectionSet": ...

    def __getitem__(self, index: Any) -> "tuple[Tensor, Tensor, Tensor] | DetectionSet":
        if isinstance(index, int | np.integer):
            is_object = self.labels[index] >= 0
            return self.images[index], self.boxes[index][is_object], self.labels[index][is_object]
        if not isinstance(index, slice):
            index = torch.as_tensor(index)
            if index.numel() == 0 and index.dtype != torch.bool:
                index = index.long()
            if index.ndim != 1 or index.is_floating_point():
                raise IndexError(
                    "a detection set is indexed by a number, a slice, a list of numbers or a "
                    f"boolean mask, not by {index.dtype} of shape {tuple(index.shape)}"
                )
        return DetectionSet(
            name=self.name,
            images=self.images[index],
            boxes=self.boxes[index],
            labels=self.labels[index],
            class_names=self.class_names,
            left_out=None if self.left_out is None else self.left_out[index],
        )

    def __repr__(self) -> str:
        shape = "×".join(map(str, self.image_shape))
        left_out = 0 if self.left_out is None else int(self.left_out.sum())
        return (
            f"DetectionSet({self.name!r}, {len(self):,} images of {shape}, "
            f"{int((self.labels >= 0).sum()):,} objects of {len(self.class_names)} classes"
            f"{f', {left_out:,} left out' if left_out else ''})"
        )


def pad_objects(
    boxes: Sequence[Float32[Tensor, "_ 4"]], labels: Sequence[Int64[Tensor, " _"]]
) -> tuple[Float32[Tensor, "count most 4"], Int64[Tensor, "count most"]]:
    """Return the boxes and labels of images as one tensor each, padded to the most of one image.

    Args:
        boxes: left, top, right and bottom of the objects of each image, in pixels.
        labels: the class of each of them.
    """
    most = max(map(len, labels), default=0)
    padded_boxes = torch.full((len(boxes), most, 4), torch.nan)
    padded_labels = torch.full((len(labels), most), _NO_OBJECT)
    for number, (edges, classes) in enumerate(zip(boxes, labels, strict=True)):
        padded_boxes[number, : len(edges)] = edges
        padded_labels[number, : len(classes)] = classes
    return padded_boxes, padded_labels


def _check(field: str, value: object, kind: torch.dtype, shape: tuple[int | str, ...]) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"{field} must be a tensor, not {type(value).__name__}")
    if value.dtype != kind:
        expected = str(kind).removeprefix("torch.")
        raise ValueError(f"{field} must hold {expected} numbers, not {value.dtype}")
    fits = value.ndim == len(shape) and all(
        isinstance(wanted, str) or wanted == found
        for wanted, found in zip(shape, value.shape, strict=True)
    )
    if not fits:
        raise ValueError(
            f"{field} must have the shape ({', '.join(map(str, shape))}), not {tuple(value.shape)}"
        )


def _first(wrong: Tensor) -> tuple[int, int] | None:
    """Return the image and the object of the first entry that is true, if any is."""
    places = wrong.nonzero()
    return (int(places[0, 0]), int(places[0, 1])) if len(places) else None
