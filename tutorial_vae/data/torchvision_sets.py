"""The public sets that torchvision downloads, through its own classes and checksums.

They lie where torchvision puts them, so a folder that torchvision has filled can be the data root.
Nothing is loaded in part: a file that is missing, cut short or damaged is an error that names it.
"""

import math
import shutil
import socket
import string
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from ..files import data_root
from .imageset import ImageSet
from .pictures import read_picture
from .request import Request
from .torchvision_import import import_torchvision

_SILENCE = 30.0  # seconds without an answer after which a download is given up
_ADVICE = "fetch it again with `tutorial-vae data {} --download`"
_DIGITS = tuple(string.digits)
_TRAIN_TEST: dict[str, dict[str, Any]] = {"train": {"train": True}, "test": {"train": False}}
_SPLIT: dict[str, dict[str, Any]] = {"train": {"split": "train"}, "test": {"split": "test"}}


@dataclass(frozen=True)
class _Source:
    """How torchvision calls a set, and which of its files a part is read from.

    Attributes:
        dataset: name of torchvision's class.
        files: of each split, under the root.
        class_names: what the labels stand for, where the files do not tell.
        arguments: what torchvision takes for each split.
        needs_both: whether torchvision wants the files of both splits to read one.
    """

    dataset: str
    files: dict[str, tuple[str, ...]]
    class_names: tuple[str, ...] = ()
    arguments: dict[str, dict[str, Any]] = field(default_factory=lambda: _TRAIN_TEST)
    needs_both: bool = False


def _idx_files(folder: str, train: str = "train", test: str = "t10k") -> dict[str, tuple[str, ...]]:
    return {
        split: tuple(
            f"{folder}/raw/{prefix}-{kind}-ubyte" for kind in ("images-idx3", "labels-idx1")
        )
        for split, prefix in (("train", train), ("test", test))
    }


_FASHION = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
_CIFAR10 = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
_SOURCES = {
    "mnist": _Source("MNIST", _idx_files("MNIST"), _DIGITS, needs_both=True),
    "fashion-mnist": _Source("FashionMNIST", _idx_files("FashionMNIST"), _FASHION, needs_both=True),
    "kmnist": _Source(
        "KMNIST",
        _idx_files("KMNIST"),
        ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        needs_both=True,
    ),
    "emnist-letters": _Source(
        "EMNIST",
        _idx_files("EMNIST", "emnist-letters-train", "emnist-letters-test"),
        tuple(string.ascii_lowercase),
        {split: {"split": "letters", **values} for split, values in _TRAIN_TEST.items()},
    ),
    "usps": _Source("USPS", {"train": ("usps.bz2",), "test": ("usps.t.bz2",)}, _DIGITS),
    "svhn": _Source(
        "SVHN", {"train": ("train_32x32.mat",), "test": ("test_32x32.mat",)}, _DIGITS, _SPLIT
    ),
    "cifar10": _Source(
        "CIFAR10", dict.fromkeys(("train", "test"), ("cifar-10-batches-py",)), _CIFAR10
    ),
    "omniglot": _Source(
        "Omniglot",
        {
            split: (f"omniglot-py/{part}.zip",)
            for split, part in (("train", "images_background"), ("test", "images_evaluation"))
        },
        arguments={"train": {"background": True}, "test": {"background": False}},
    ),
    "celeba": _Source(
        "CelebA",
        dict.fromkeys(("train", "test"), ("celeba/img_align_celeba",)),
        arguments=_SPLIT,
    ),
}


def download(name: str, root: str | Path | None = None) -> Path:
    """Make sure that a downloadable set is complete, fetching what is missing or damaged.

    Args:
        name: a set of the catalogue that is not offline.
        root: folder for downloaded sets, see :func:`load_images`.

    Returns:
        The folder that holds the set's files.

    Raises:
        ValueError: there is no such set, or what was fetched is damaged.
        FileNotFoundError: it could not be fetched.
    """
    if name not in _SOURCES:
        raise ValueError(f"name must be a set to download ({', '.join(_SOURCES)}), not {name!r}")
    folder = data_root(root)
    for split in ("train", "test"):
        try:
            _open(name, split, folder)
        except ValueError:
            files = [folder / file for file in _SOURCES[name].files[split]]
            for file in [file for file in files if not _has_idx_length(file)] or files:
                _remove(file)
            _open(name, split, folder)
    return folder


def load(request: Request) -> ImageSet:
    """Load a set, fetching it first where it is missing."""
    source, folder = _SOURCES[request.name], data_root(request.root)
    dataset = _open(request.name, request.split, folder)
    if request.name == "omniglot":
        return _load_omniglot(request, Path(dataset.target_folder))
    if request.name == "celeba":
        return _load_celeba(request, dataset, folder / source.files[request.split][0])
    images, labels = _arrays(request.name, dataset)
    chosen = request.choose(len(images))
    return request.deliver(images[chosen], labels[chosen], source.class_names)


def _open(name: str, split: str, folder: Path) -> Any:
    """Return torchvision's data set, after making sure that it is whole."""
    source = _SOURCES[name]
    torchvision = import_torchvision()
    try:
        with _patience():
            dataset = getattr(torchvision.datasets, source.dataset)(
                str(folder), download=True, **source.arguments[split]
            )
        _check_whole(name, dataset, [folder / file for file in source.files[split]])
    # Fetching and reading go through code that answers a damaged file with errors of every kind.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        advice = _ADVICE.format(name)
        needed = [*source.files[split]]
        if source.needs_both:
            needed += [file for files in source.files.values() for file in files]
        for file in needed:
            if not (folder / file).exists():
                raise FileNotFoundError(
                    f"{folder / file} is missing and could not be fetched ({reason}); when the "
                    f"network is there, {advice}"
                ) from error
        damaged = next((file for file in needed if not _has_idx_length(folder / file)), needed[0])
        raise ValueError(
            f"{folder / damaged} is damaged or incomplete ({reason}); {advice}"
        ) from error
    return dataset


def _remove(file: Path) -> None:
    """Remove a file or a folder, and what was unpacked from it."""
    if file.is_dir():
        shutil.rmtree(file)
    else:
        file.unlink(missing_ok=True)
    if file.suffix == ".zip":
        shutil.rmtree(file.with_suffix(""), ignore_errors=True)


@contextmanager
def _patience() -> Iterator[None]:
    """Give a download up when the network falls silent, which torchvision would wait out."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SILENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _check_whole(name: str, dataset: Any, files: list[Path]) -> None:
    """Find what torchvision overlooks: a part that is shorter than its list says."""
    if name == "omniglot":
        with zipfile.ZipFile(files[0]) as archive:
            expected = sum(entry.endswith(".png") for entry in archive.namelist())
        if len(dataset) != expected:
            raise ValueError(f"{len(dataset)} of {expected} pictures are unpacked")
    elif name == "celeba":
        missing = set(dataset.filename).difference(path.name for path in files[0].iterdir())
        if missing:
            raise ValueError(f"{len(missing)} pictures are missing, {min(missing)} among them")
    else:
        labels = dataset.labels if name == "svhn" else dataset.targets
        if len(dataset.data) != len(labels):
            raise ValueError(f"{len(dataset.data)} images but {len(labels)} labels")


def _has_idx_length(file: Path) -> bool:
    """Return whether an IDX file is as long as its header says; any other file passes."""
    if not file.name.endswith("-ubyte"):
        return True
    content = file.read_bytes()
    if len(content) < 4 or content[:3] != b"\0\0\x08":
        return False
    header = content[4 : 4 + 4 * content[3]]
    if len(header) < 4 * content[3]:
        return False
    return len(content) == 4 + len(header) + math.prod(np.frombuffer(header, ">u4").tolist())


def _arrays(name: str, dataset: Any) -> tuple[Tensor, Tensor]:
    images = torch.as_tensor(dataset.data)
    labels = torch.as_tensor(dataset.labels if name == "svhn" else dataset.targets).long()
    if name == "cifar10":
        return images.permute(0, 3, 1, 2), labels
    if name == "svhn":
        return images, labels
    if name == "emnist-letters":
        # The published files hold every letter mirrored at its diagonal, and count from 1.
        return images.mT[:, None], labels - 1
    return images[:, None], labels


def _load_omniglot(request: Request, folder: Path) -> ImageSet:
    # Sorted, because torchvision's own order is whatever the file system returns.
    files = sorted(folder.glob("*/*/*.png"))
    characters = [f"{file.parent.parent.name}/{file.parent.name}" for file in files]
    class_names = sorted(set(characters))
    number = {character: label for label, character in enumerate(class_names)}
    chosen = request.choose(len(files)).tolist()
    ink_on_paper = _read(request, folder, [files[index] for index in chosen])
    labels = torch.tensor([number[characters[index]] for index in chosen])
    return request.deliver(255 - ink_on_paper, labels, tuple(class_names))


def _load_celeba(request: Request, dataset: Any, folder: Path) -> ImageSet:
    chosen = request.choose(len(dataset))
    images = _read(request, folder, [folder / dataset.filename[index] for index in chosen.tolist()])
    # torchvision leaves an empty name after the last attribute.
    names = tuple(name for name in dataset.attr_names if name)
    return request.deliver(images, factors=dataset.attr[chosen].long(), factor_names=names)


def _read(
    request: Request, folder: Path, files: list[Path]
) -> UInt8[Tensor, "count channels height width"]:
    try:
        first = read_picture(files[0], request.size)
        # One tensor from the start: a list of 160,000 pictures and their copy would be twice as
        # large.
        images = first.new_empty(len(files), *first.shape)
        for place, file in enumerate(files):
            images[place] = read_picture(file, request.size)
    except ValueError as error:
        raise ValueError(f"{error}: remove {folder} and {_ADVICE.format(request.name)}") from error
    return images
