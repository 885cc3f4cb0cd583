"""One picture file, in any format that Pillow reads, as pixels."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from .pixels import floats_to_bytes

if TYPE_CHECKING:
    from PIL.Image import Image


def read_picture(path: Path, size: int) -> UInt8[Tensor, "channels {size} {size}"]:
    """Read a picture, cut out its middle square and resize it with antialiasing.

    The first frame of an animation is taken, turned as its EXIF orientation says. Transparent parts
    show white. 16 bits a channel become 8; whole numbers of 32 bits are taken to span 0..65535;
    real numbers are scaled as in :func:`floats_to_bytes`.

    Args:
        path: the file.
        size: side of the result, in pixels.

    Returns:
        One channel for a grey picture, three for a colour or palette picture.

    Raises:
        ValueError: the file is no picture, is damaged or cut short, or is too large to be safe.
    """
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # Pillow tells of oddities that it copes with; what it cannot cope with it raises.
            warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
            with Image.open(path) as stored:
                picture = _eight_bit(ImageOps.exif_transpose(stored), path)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise ValueError(
            f"{path} is too large to be opened safely ({error}); shrink it or take it out"
        ) from error
    # What a damaged file does to a decoder is not limited to OSError.
    except (OSError, SyntaxError, EOFError, IndexError, TypeError, KeyError) as error:
        raise ValueError(
            f"{path} cannot be read as a picture ({error}); replace it or take it out"
        ) from error
    except ValueError as error:
        if str(path) in str(error):
            raise
        raise ValueError(
            f"{path} cannot be read as a picture ({error}); replace it or take it out"
        ) from error
    fitted = ImageOps.fit(picture, (size, size), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(fitted))
    return pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1).contiguous()


def readable_extensions() -> frozenset[str]:
    """Return the file name endings of the formats that Pillow reads, in lower case."""
    from PIL import Image

    registered = Image.registered_extensions()
    return frozenset(ending for ending, kind in registered.items() if kind in Image.OPEN)


def _eight_bit(picture: "Image", path: Path) -> "Image":
    """Return a picture as grey (L) or colour (RGB)."""
    from PIL import Image

    if picture.mode.startswith("I;16"):
        values = np.asarray(picture)
        pixels = np.rint(values / 257).astype(np.uint8)
        # Pillow does not count these pictures among those with transparency; a PNG may name one
        # grey that is.
        if "transparency" in picture.info:
            pixels[values == picture.info["transparency"]] = 255
        return Image.fromarray(pixels)
    if picture.mode == "I":
        values = np.asarray(picture)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError(
                f"{path} ranges from {values.min()} to {values.max()}; save it with 8 or 16 bits"
            )
        return Image.fromarray(np.rint(values / 257).astype(np.uint8))
    if picture.mode == "F":
        return Image.fromarray(floats_to_bytes(np.asarray(picture), str(path)))
    if picture.has_transparency_data:
        grey = picture.mode in ("1", "L", "LA", "La")
        layered = picture.convert("RGBA")
        white = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(white, layered).convert("L" if grey else "RGB")
    return picture.convert("L" if picture.mode in ("1", "L") else "RGB")
