"""Your own pictures, in one NumPy file."""

import hashlib
import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch

from .imageset import ImageSet
from .pixels import floats_to_bytes
from .request import Request
from .splits import held_out_fifth


def load_npz(request: Request) -> ImageSet:
    """Load pictures from the file that the name ``npz:PATH`` tells.

    The file holds ``images`` of shape (N, H, W), (N, C, H, W) or (N, H, W, C) with 1 or 3 channels,
    uint8 or real (see :func:`floats_to_bytes`), and optionally ``labels``, N whole numbers. A fifth
    of the pictures, chosen by what they show, is the test part.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged or holds something else.
    """
    path = Path(request.name.removeprefix("npz:")).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not a file; npz:PATH needs one written by numpy.savez")
    try:
        with path.open("rb") as file:
            stored = np.load(file, allow_pickle=False)
            if isinstance(stored, np.ndarray):
                raise ValueError("it holds one array without a name")
            arrays = {key: stored[key] for key in ("images", "labels") if key in stored}
    # A damaged archive can break at any of these places.
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"{path} cannot be read as an npz file of plain arrays ({error}); write it again with "
            "numpy.savez(path, images=..., labels=...)"
        ) from error
    if "images" not in arrays:
        raise ValueError(f"{path} has no array 'images'; write numpy.savez(path, images=...)")
    images = _channels_first(_bytes(arrays["images"], path), path)
    labels, class_names = _classes(arrays.get("labels"), len(images), path)

    digests = [hashlib.sha256(image.tobytes()).digest() for image in images]
    part = (held_out_fifth(digests, str(path)) == request.is_test).nonzero()[:, 0]
    chosen = part[request.choose(len(part))]
    return request.deliver(
        torch.from_numpy(images[chosen.numpy()]),
        None if labels is None else labels[chosen],
        class_names,
    )


def _bytes(images: np.ndarray, path: Path) -> np.ndarray:
    if images.size == 0:
        raise ValueError(f"'images' in {path} is empty: its shape is {images.shape}")
    if images.dtype == np.uint8:
        return images
    if np.issubdtype(images.dtype, np.floating):
        return floats_to_bytes(images, f"'images' in {path}")
    spread = ""
    if np.issubdtype(images.dtype, np.integer):
        spread = f" from {images.min()} to {images.max()}"
    raise ValueError(
        f"'images' in {path} holds {images.dtype}{spread}; "
        "save uint8, or real numbers in [0, 1], [-1, 1] or [0, 255]"
    )


def _channels_first(images: np.ndarray, path: Path) -> np.ndarray:
    if images.ndim == 3:
        return images[:, None]
    places = [axis for axis in (1, 3) if images.ndim == 4 and images.shape[axis] in (1, 3)]
    if len(places) != 1:
        why = "can be read in two ways" if places else "is not one of these"
        raise ValueError(
            f"'images' in {path} must have the shape (N, H, W), (N, C, H, W) or (N, H, W, C) with "
            f"1 or 3 channels; {images.shape} {why}"
        )
    return images if places == [1] else np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def _classes(
    labels: np.ndarray | None, count: int, path: Path
) -> tuple[torch.Tensor | None, tuple[str, ...]]:
    if labels is None:
        return None, ()
    if labels.shape != (count,) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"'labels' in {path} must hold {count} whole numbers, one for each image, not "
            f"{labels.dtype} of shape {labels.shape}"
        )
    values, positions = np.unique(labels, return_inverse=True)
    return torch.from_numpy(positions).long(), tuple(map(str, values.tolist()))
