"""Pixels made to fit: size, channels and numbers."""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import UInt8
from torch import Tensor

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in Pillow and torchvision
_PIXELS_AT_ONCE = 2**22
_ROUNDING = 1e-4


def to_square(
    images: UInt8[Tensor, "count channels height width"], size: int
) -> UInt8[Tensor, "count channels {size} {size}"]:
    """Cut the middle square out of each image and resize it with antialiasing.

    Args:
        images: images of one shape.
        size: side of the result, in pixels.
    """
    height, width = images.shape[2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    images = images[:, :, top : top + side, left : left + side]
    if side == size:
        return images.contiguous()
    at_once = max(1, _PIXELS_AT_ONCE // (images.shape[1] * max(side, size) ** 2))
    resized = torch.empty(*images.shape[:2], size, size, dtype=torch.uint8)
    for start in range(0, len(images), at_once):
        chunk = images[start : start + at_once].float()
        chunk = F.interpolate(chunk, (size, size), mode="bilinear", antialias=True)
        resized[start : start + at_once] = chunk.round_().clamp_(0, 255)
    return resized


def to_channels(
    images: UInt8[Tensor, "count from_channels height width"], channels: int | None
) -> UInt8[Tensor, "count channels height width"]:
    """Return grey images as colour or colour images as grey.

    Args:
        images: images with one channel or three.
        channels: 3 repeats grey, 1 weighs colour to its luma, ``None`` leaves all as it is.
    """
    if channels is None or channels == images.shape[1]:
        return images
    if channels == 3:
        return images.repeat(1, 3, 1, 1)
    grey = torch.empty(len(images), 1, *images.shape[2:], dtype=torch.uint8)
    weights = torch.tensor(_LUMA).view(1, 3, 1, 1)
    at_once = max(1, _PIXELS_AT_ONCE // images[0].numel()) if len(images) else 1
    for start in range(0, len(images), at_once):
        chunk = images[start : start + at_once]
        grey[start : start + at_once] = (chunk * weights).sum(1, keepdim=True).round_()
    return grey


def floats_to_bytes(values: np.ndarray, source: str) -> np.ndarray:
    """Return real-valued pixels as bytes, their scale read off their range.

    Args:
        values: pixels in [0, 1] (black is 0), in [-1, 1] (black is -1) or in [0, 255].
        source: what to call them in an error.

    Raises:
        ValueError: a value is not finite, or the range is none of the three.
    """
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError(f"{source} holds NaN or infinite values; replace them before saving")
    if low >= -_ROUNDING and high <= 1 + _ROUNDING:
        scale, shift = 255.0, 0.0
    elif low >= -1 - _ROUNDING and high <= 1 + _ROUNDING:
        scale, shift = 127.5, 127.5
    elif low >= -_ROUNDING and high <= 255 + _ROUNDING:
        scale, shift = 1.0, 0.0
    else:
        raise ValueError(
            f"{source} ranges from {low:g} to {high:g}; "
            "save uint8, or real numbers in [0, 1], [-1, 1] or [0, 255]"
        )
    return np.clip(np.rint(values * scale + shift), 0, 255).astype(np.uint8)
