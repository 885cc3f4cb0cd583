"""Birds in the layout of CUB-200-2011: five lists in text files and a folder of pictures.

``images.txt``, ``image_class_labels.txt``, ``train_test_split.txt`` and ``classes.txt`` are read;
each line is a number, a space and a value, and pictures lie in ``images``. The pictures come whole,
apart from the ends of their longer side: ``bounding_boxes.txt`` is not read, and no bird is cut
out. A few pictures of the published set are grey, so it needs ``channels``.

Reference: Wah, Branson, Welinder, Perona & Belongie 2011, "The Caltech-UCSD Birds-200-2011
dataset", California Institute of Technology, CNS-TR-2011-001.
"""

import re
from pathlib import Path

import torch

from .imageset import ImageSet
from .picture_files import read_pictures
from .request import Request

_LINE = re.compile(r"\s*([0-9]{1,9})\s+(\S.*?)\s*")


def load_cub(request: Request) -> ImageSet:
    """Load one part of the data set in the folder that the name ``cub:PATH`` tells.

    Classes are in the order of their numbers and bear the names of ``classes.txt``; the parts are
    those of ``train_test_split.txt``, in which 1 stands for training.

    Raises:
        FileNotFoundError: the folder, a list or a picture is missing.
        ValueError: a list is damaged or does not go with the others, a part is empty, or a picture
            cannot be read.
    """
    folder = Path(request.name.removeprefix("cub:")).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder; cub:PATH needs one with images.txt")
    classes = _read_list(folder / "classes.txt")
    pictures = _read_list(folder / "images.txt")
    class_of = _read_beside(
        folder / "image_class_labels.txt", pictures, known=set(map(str, classes))
    )
    part_of = _read_beside(folder / "train_test_split.txt", pictures, known={"0", "1"})

    numbers = [number for number in pictures if (part_of[number] == "0") == request.is_test]
    if not numbers:
        raise ValueError(
            f"{folder / 'train_test_split.txt'} puts no picture into the {request.split} part"
        )
    numbers = [numbers[place] for place in request.choose(len(numbers))]
    paths = [folder / "images" / pictures[number] for number in numbers]
    for path, number in zip(paths, numbers, strict=True):
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} is missing; it is image {number} of {folder / 'images.txt'}"
            )
    order = sorted(classes)
    label_of = {str(number): label for label, number in enumerate(order)}
    labels = torch.tensor([label_of[class_of[number]] for number in numbers])
    images = read_pictures(paths, request.size, request.channels)
    return request.deliver(images, labels, tuple(classes[number] for number in order))


def _read_beside(path: Path, pictures: dict[int, str], known: set[str]) -> dict[int, str]:
    """Read a list that has one of the known values for each picture."""
    values = _read_list(path)
    if unmatched := values.keys() ^ pictures.keys():
        raise ValueError(
            f"{path} and images.txt list different images: {min(unmatched)} is in one of them alone"
        )
    for number, value in values.items():
        if value not in known:
            raise ValueError(f"{path}: image {number} has the value {value!r}, which is not known")
    return values


def _read_list(path: Path) -> dict[int, str]:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; CUB-200-2011 has it: unpack the archive again")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not plain text ({error}); unpack the archive again") from error
    values: dict[int, str] = {}
    for place, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            raise ValueError(f"{path}, line {place}: {line!r:.80} is not a number and a value")
        number = int(found[1])
        if number in values:
            raise ValueError(f"{path}, line {place}: the number {number} comes twice")
        values[number] = found[2]
    if not values:
        raise ValueError(f"{path} is empty; unpack the archive again")
    return values
