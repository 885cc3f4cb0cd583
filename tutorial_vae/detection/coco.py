"""Pictures with boxes in the layout of COCO: one annotation file and a folder of pictures.

Of the annotation file only ``images``, ``annotations`` and ``categories`` are read, and of an
annotation only its image, category, box and whether it is a crowd: any file of boxes in this form
will do, not COCO's alone.

Reference: Lin et al. 2014, "Microsoft COCO: common objects in context", ECCV, arXiv:1405.0312.
"""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from ..data.picture_files import read_pictures
from ..data.request import Request
from .images import DetectionSet, pad_objects

_SLACK = 1.0  # pixels that a box may reach out of its picture, because tools round
_SMALLEST = 1.0  # pixels, after the picture has been resized
_TURNED = (5, 6, 7, 8)  # EXIF orientations that swap width and height


@dataclass
class _Picture:
    entry: str
    path: Path
    width: int
    height: int
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    crowds: int = 0


def load_coco(
    annotations: str | Path,
    folder: str | Path,
    *,
    size: int,
    channels: int | None = None,
    limit: int | None = None,
    seed: int = 0,
) -> DetectionSet:
    """Load the pictures and boxes of a COCO instance annotation file.

    Pictures lose the ends of their longer side and are resized with antialiasing, as by
    ``load_images``; their boxes go the same way and are clipped. ``left_out`` counts for each
    picture the crowds, which have no box of their own, and the objects of which less than a pixel's
    width or height remains. Pictures without objects stay. Boxes are taken to lie on a picture as
    it is shown, turned as its EXIF entry says.

    Args:
        annotations: the file, such as ``instances_val2017.json``.
        folder: where its pictures are.
        size: side of the images in pixels, at least 8.
        channels: 1 for grey, 3 for colour, ``None`` for what all of the pictures have. COCO itself
            has grey pictures among those in colour and needs one of the two.
        limit: how many pictures at most, drawn at random without repetition; ``None`` gives all of
            them in the order of the file.
        seed: which pictures ``limit`` keeps.

    Returns:
        The pictures with their boxes; the classes are the categories in the order of their numbers.

    Raises:
        FileNotFoundError: the annotation file, the folder or a picture is missing.
        ValueError: an argument is outside what is said above, the annotation file is damaged, it
            names a picture or category that it does not have, a box is not inside its picture, a
            picture cannot be read or is not as large as the file says. The message names the file
            and the entry.
    """
    source, folder = Path(annotations).expanduser(), Path(folder).expanduser()
    request = Request(
        name=f"coco:{source}",
        split="train",
        size=size,
        channels=channels,
        limit=limit,
        seed=seed,
        root=None,
    )
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder; it must hold the pictures of {source}")
    pictures, class_names = _read_annotations(source, folder)
    pictures = [pictures[number] for number in request.choose(len(pictures))]
    for picture in pictures:
        if not picture.path.is_file():
            raise FileNotFoundError(f"{picture.path} is missing; it is {picture.entry} of {source}")
    images = read_pictures([picture.path for picture in pictures], size, channels)
    objects = [_fit(picture, source, size) for picture in pictures]
    boxes, labels = pad_objects([kept for kept, _ in objects], [kept for _, kept in objects])
    known = [len(picture.labels) + picture.crowds for picture in pictures]
    return DetectionSet(
        name=request.name,
        images=images,
        boxes=boxes,
        labels=labels,
        class_names=class_names,
        left_out=torch.tensor(known) - (labels >= 0).sum(1),
    )


def _fit(
    picture: _Picture, source: Path, size: int
) -> tuple[Float32[Tensor, "kept 4"], Int64[Tensor, " kept"]]:
    """Return the boxes and labels that remain in the middle square at its new size."""
    found = _upright_size(picture.path)
    if found != (picture.width, picture.height):
        raise ValueError(
            f"{picture.path} is {found[0]}×{found[1]} pixels, and {picture.entry} of {source} says "
            f"{picture.width}×{picture.height}; its boxes cannot be placed"
        )
    side = min(found)
    corner = torch.tensor([(picture.width - side) / 2, (picture.height - side) / 2]).repeat(2)
    boxes = torch.tensor(picture.boxes, dtype=torch.float64).view(-1, 4)
    boxes = ((boxes - corner) * (size / side)).clamp(0, size)
    keep = (boxes[:, 2:] - boxes[:, :2] >= _SMALLEST).all(1)
    return boxes[keep].float(), torch.tensor(picture.labels, dtype=torch.int64)[keep]


def _upright_size(path: Path) -> tuple[int, int]:
    """Return width and height as ``read_picture`` sees them, turned as EXIF says."""
    from PIL import ExifTags, Image

    with Image.open(path) as stored:
        width, height = stored.size
        is_turned = stored.getexif().get(ExifTags.Base.Orientation) in _TURNED
    return (height, width) if is_turned else (width, height)


def _read_annotations(source: Path, folder: Path) -> tuple[list[_Picture], tuple[str, ...]]:
    tables = _read_tables(source)
    names: dict[int, str] = {}
    for place, category in enumerate(tables["categories"]):
        entry = f"category {place} of {source}"
        number = _whole(category, "id", entry)
        if number in names:
            raise ValueError(f"{entry} has the id {number}, as another has; ids must differ")
        names[number] = _text(category, "name", entry)
    class_of = {number: label for label, number in enumerate(sorted(names))}

    pictures: dict[int, _Picture] = {}
    for place, image in enumerate(tables["images"]):
        entry = f"image {place} of {source}"
        number = _whole(image, "id", entry)
        if number in pictures:
            raise ValueError(f"{entry} has the id {number}, as another has; ids must differ")
        width, height = (_whole(image, side, entry, least=1) for side in ("width", "height"))
        path = folder / _text(image, "file_name", entry)
        pictures[number] = _Picture(f"the image with id {number}", path, width, height)
    if not pictures:
        raise ValueError(f"{source} lists no images")

    for place, annotation in enumerate(tables["annotations"]):
        entry = f"annotation {place} of {source}"
        picture = pictures.get(_whole(annotation, "image_id", entry))
        if picture is None:
            raise ValueError(
                f"{entry} has the image_id {annotation['image_id']}, which no image has"
            )
        label = class_of.get(_whole(annotation, "category_id", entry))
        if label is None:
            raise ValueError(
                f"{entry} has the category_id {annotation['category_id']}, which no category has; "
                f"known are {', '.join(map(str, class_of))}"
            )
        if annotation.get("iscrowd"):
            picture.crowds += 1
        else:
            picture.boxes.append(_edges(annotation.get("bbox"), picture, entry))
            picture.labels.append(label)
    return list(pictures.values()), tuple(names[number] for number in class_of)


def _read_tables(source: Path) -> dict[str, list[dict[str, Any]]]:
    if not source.is_file():
        raise FileNotFoundError(f"{source} is not a file; annotations must be a COCO JSON file")
    try:
        stored = json.loads(source.read_bytes())
    # Nesting without end breaks the parser in its own way.
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{source} cannot be read as JSON ({error}); it may be cut short: fetch it again"
        ) from error
    tables = {}
    for key in ("images", "annotations", "categories"):
        table = stored.get(key) if isinstance(stored, dict) else None
        if not isinstance(table, list) or not all(isinstance(entry, dict) for entry in table):
            raise ValueError(
                f"{source} has no list {key!r} of objects; an instance annotation file of COCO has "
                "images, annotations and categories"
            )
        tables[key] = table
    return tables


def _edges(bbox: Any, picture: _Picture, entry: str) -> tuple[float, float, float, float]:
    """Return the box of an annotation as left, top, right and bottom in pixels."""
    try:
        left, top, width, height = map(float, bbox if isinstance(bbox, list) else ())
    except (TypeError, ValueError, OverflowError):
        left = top = width = height = math.nan
    if not (math.isfinite(left + top + width + height) and width >= 0 and height >= 0):
        raise ValueError(
            f"bbox of {entry} must be [left, top, width, height], four numbers with no width or "
            f"height below 0, not {bbox!r:.80}"
        )
    right, bottom = left + width, top + height
    if not (
        min(left, top) >= -_SLACK
        and right - _SLACK <= picture.width
        and bottom - _SLACK <= picture.height
    ):
        raise ValueError(
            f"bbox of {entry} is {bbox}, and {picture.path} is {picture.width} pixels wide and "
            f"{picture.height} high: it must lie inside"
        )
    return left, top, right, bottom


def _whole(entry: dict[str, Any], key: str, where: str, *, least: int = 0) -> int:
    value = entry.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(
            f"{where} needs {key!r}, a whole number from {least} on, not {value!r:.80}"
        )
    return value


def _text(entry: dict[str, Any], key: str, where: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{where} needs {key!r}, a text, not {value!r:.80}")
    return value
