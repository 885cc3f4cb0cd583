"""Your own pictures, in a folder.

``PATH/<class>/<picture>`` is a labelled set, ``PATH/<picture>`` an unlabelled one. Pictures in
folders further down belong to the class at the top. If the sub-folders of PATH are just ``train``
and ``test``, each of these is laid out like that and they are the two parts; otherwise a fifth is
held out by what the files hold. Passed over are hidden files, files whose ending is not that of a
format that Pillow reads, and links back to a folder that they lie in.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch

from .imageset import ImageSet
from .picture_files import read_pictures
from .pictures import readable_extensions
from .request import Request
from .splits import held_out_fifth


def load_folder(request: Request) -> ImageSet:
    """Load pictures from the folder that the name ``folder:PATH`` tells.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: it holds no pictures, mixes labelled and unlabelled ones, has a class without
            any, has too few to hold some out, or a file cannot be read.
    """
    folder = Path(request.name.removeprefix("folder:")).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder; folder:PATH needs one with pictures")
    if {path.name for path in _visible(folder) if path.is_dir()} == {"train", "test"}:
        parts = {split: _listed(folder / split) for split in ("train", "test")}
        if beside := _pictures(folder, deep=False):
            raise ValueError(f"{beside[0]} lies beside train and test; move it into one of them")
        if (parts["train"].keys() == {""}) != (parts["test"].keys() == {""}):
            raise ValueError(f"one of train and test in {folder} has classes and the other has not")
        class_names = sorted(parts["train"].keys() | parts["test"].keys())
        files = _labelled(parts[request.split])
    else:
        classes = _listed(folder)
        class_names = list(classes)
        files = _labelled(classes)
        digests = [hashlib.sha256(path.read_bytes()).digest() for path, _ in files]
        wanted = held_out_fifth(digests, str(folder)) == request.is_test
        files = [file for file, keep in zip(files, wanted.tolist(), strict=True) if keep]
    return _read(request, [files[number] for number in request.choose(len(files))], class_names)


def _read(request: Request, files: list[tuple[Path, str]], class_names: list[str]) -> ImageSet:
    images = read_pictures([path for path, _ in files], request.size, request.channels)
    if class_names == [""]:
        return request.deliver(images)
    labels = torch.tensor([class_names.index(name) for _, name in files])
    return request.deliver(images, labels, tuple(class_names))


def _labelled(classes: dict[str, list[Path]]) -> list[tuple[Path, str]]:
    return [(path, name) for name, paths in classes.items() for path in paths]


def _listed(folder: Path) -> dict[str, list[Path]]:
    """Return the picture files of each class, or of the class "" for an unlabelled set."""
    loose = _pictures(folder, deep=False)
    classes = {
        path.name: _pictures(path, deep=True, inside=(folder.resolve(),))
        for path in _visible(folder)
        if path.is_dir()
    }
    if not loose and not any(classes.values()):
        raise ValueError(
            f"{folder} holds no picture with a file name ending that Pillow knows, such as .png or "
            ".jpg"
        )
    if not classes:
        return {"": loose}
    if loose:
        raise ValueError(
            f"{loose[0]} has no class: it lies beside class folders; move it into one of them"
        )
    for name, paths in classes.items():
        if not paths:
            raise ValueError(f"{folder / name} holds no picture; fill the class or remove it")
    return classes


def _pictures(folder: Path, *, deep: bool, inside: Sequence[Path] = ()) -> list[Path]:
    endings = readable_extensions()
    inside = (*inside, folder.resolve())
    found = []
    for path in _visible(folder):
        if path.is_dir():
            # A link to a folder that we are in would go round for ever.
            leads_back = any(place.is_relative_to(path.resolve()) for place in inside)
            found += _pictures(path, deep=True, inside=inside) if deep and not leads_back else []
        elif path.suffix.lower() in endings:
            found.append(path)
    return found


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
