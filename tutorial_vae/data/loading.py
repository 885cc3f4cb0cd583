"""One function for every set of images."""

import difflib
from collections.abc import Callable
from pathlib import Path

from . import dsprites, glyphs, scikit_learn, solids, torchvision_sets
from .catalogue import CATALOGUE
from .cub import load_cub
from .folder import load_folder
from .imageset import ImageSet
from .npz import load_npz
from .request import Request

_OFFLINE: dict[str, Callable[[Request], ImageSet]] = {
    "dsprites": dsprites.load,
    "solids": solids.load,
    "patches": scikit_learn.load_patches,
    "digits": scikit_learn.load_digits,
    **{f"glyphs-{script}": glyphs.load for script in glyphs.SCRIPTS},
    "glyphs-typefaces": glyphs.load_typefaces,
}
_OWN = {"folder": load_folder, "npz": load_npz, "cub": load_cub}


def load_images(
    name: str,
    split: str = "train",
    *,
    size: int = 32,
    channels: int | None = None,
    limit: int | None = None,
    seed: int = 0,
    root: str | Path | None = None,
) -> ImageSet:
    """Load a set of images by its name.

    The same arguments give the same images. The training and the test part of a set have no image
    in common, whatever the seeds.

    Args:
        name: a set of ``CATALOGUE``, ``"folder:PATH"`` (pictures in a folder, one sub-folder a
            class), ``"npz:PATH"`` (arrays ``images`` and, if you like, ``labels`` in a NumPy file)
            or ``"cub:PATH"`` (the unpacked CUB-200-2011, or any set in its layout).
        split: ``"train"`` or ``"test"``.
        size: side of the images in pixels, at least 8. Pictures that are not square lose the ends
            of their longer side; all are resized with antialiasing.
        channels: 1 for grey, 3 for colour, ``None`` for what the set has.
        limit: how many images at most, drawn at random without repetition. ``None`` gives a stored
            set whole and in its own order, and of a set that is drawn as many as the catalogue
            says.
        seed: which images ``limit`` keeps, and which ones are drawn.
        root: folder for downloaded sets; without one it is the environment variable
            ``TUTORIAL_VAE_DATA``, and without that the user's cache folder.

    Returns:
        The images, with labels, factors and names as far as the set has them.

    Raises:
        ValueError: there is no such set, an argument is outside what is said above, or a file is
            damaged; the message names it.
        FileNotFoundError: a file is missing and could not be fetched.
    """
    request = Request(
        name=name,
        split=split,
        size=size,
        channels=channels,
        limit=limit,
        seed=seed,
        root=root,
    )
    return _loader(name)(request)


def _loader(name: str) -> Callable[[Request], ImageSet]:
    kind, _, path = name.partition(":")
    if path and kind in _OWN:
        return _OWN[kind]
    if name not in CATALOGUE:
        close = difflib.get_close_matches(name, CATALOGUE, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"name must be one of {', '.join(CATALOGUE)}, folder:PATH, npz:PATH or cub:PATH, not "
            f"{name!r}{hint}"
        )
    return _OFFLINE.get(name, torchvision_sets.load)
