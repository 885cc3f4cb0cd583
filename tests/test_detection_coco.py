"""Boxes of a COCO annotation file: where they end up, and what is said of damaged files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tutorial_vae.detection import load_coco

Write = Callable[..., tuple[Path, Path]]


def annotation(image: int, category: int, *bbox: float, **more: Any) -> dict[str, Any]:
    return {"image_id": image, "category_id": category, "bbox": list(bbox), **more}


def paint(path: Path, width: int, height: int, *bboxes: tuple[int, int, int, int]) -> None:
    """Save a black picture with white boxes."""
    pixels = np.zeros((height, width), np.uint8)
    for left, top, across, down in bboxes:
        pixels[top : top + down, left : left + across] = 255
    Image.fromarray(pixels).convert("RGB").save(path)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A function that writes a set of three pictures with the annotations that it is given."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    paint(folder / "wide.png", 64, 32, (20, 4, 8, 12))
    paint(folder / "tall.png", 16, 48, (2, 20, 6, 4))
    paint(folder / "square.png", 32, 32)
    tables = {
        "images": [
            {"id": 30, "file_name": "wide.png", "width": 64, "height": 32},
            {"id": 10, "file_name": "tall.png", "width": 16, "height": 48},
            {"id": 20, "file_name": "square.png", "width": 32, "height": 32},
        ],
        "categories": [{"id": 90, "name": "toothbrush"}, {"id": 3, "name": "car"}],
    }

    def write_coco(*annotations: Any, **changed: Any) -> tuple[Path, Path]:
        path = tmp_path / "instances.json"
        stored = {**tables, "annotations": list(annotations), **changed}
        path.write_text(json.dumps(stored), encoding="utf-8")
        return path, folder

    return write_coco


def test_boxes_go_the_way_of_their_pictures(write: Write) -> None:
    files = write(annotation(30, 3, 20, 4, 8, 12), annotation(10, 90, 2, 20, 6, 4))
    found = load_coco(*files, size=32)
    assert found.class_names == ("car", "toothbrush")
    assert found.image_shape == (3, 32, 32)
    assert found.labels.tolist() == [[0], [1], [-1]]
    # The middle square of the wide picture starts 16 pixels in; the tall one doubles from row 16.
    assert found[0][1].tolist() == [[4, 4, 12, 16]]
    assert found[1][1].tolist() == [[4, 8, 16, 16]]
    for place in (0, 1):
        rows, columns = (
            (found.images[place, 0] > 127).any(axis).nonzero()[:, 0] for axis in (1, 0)
        )
        seen = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        assert seen == found[place][1][0].tolist()
    assert found.left_out is not None
    assert found.left_out.tolist() == [0, 0, 0]


def test_what_the_crop_takes_away_is_clipped_or_left_out(write: Write) -> None:
    files = write(
        annotation(30, 3, 10, 0, 10, 32),  # its left part is cut off
        annotation(30, 3, 0, 0, 16, 32),  # all of it
        annotation(30, 3, 47.5, 0, 10, 32),  # all but half a pixel
        annotation(20, 90, 5, 5, 0, 8),  # some of COCO's own boxes are empty
        annotation(20, 3, -0.5, 0, 33, 32.9),  # a tool has rounded it outwards
    )
    found = load_coco(*files, size=32)
    assert found[0][1].tolist() == [[0, 0, 4, 32]]
    assert found[2][1].tolist() == [[0, 0, 32, 32]]
    assert found.left_out is not None
    assert found.left_out.tolist() == [2, 0, 1]


def test_crowds_are_left_out_and_counted(write: Write) -> None:
    crowd = annotation(20, 3, 0, 0, 9, 9, iscrowd=1, segmentation={"counts": "x"})
    found = load_coco(*write(crowd, annotation(20, 3, 0, 0, 9, 9, iscrowd=0), crowd), size=16)
    assert found.left_out is not None
    assert found.left_out.tolist() == [0, 0, 2]
    assert found.labels.tolist() == [[-1], [-1], [0]]


def test_a_limit_reads_only_the_chosen_and_keeps_pictures_with_their_boxes(write: Write) -> None:
    files = write(annotation(30, 3, 20, 4, 8, 12), annotation(10, 90, 2, 20, 6, 4))
    whole = load_coco(*files, size=16, channels=1)
    assert whole.image_shape == (1, 16, 16)
    chosen = load_coco(*files, size=16, channels=1, limit=2, seed=1)
    assert len(chosen) == 2
    for place in range(2):
        same = [number for number in range(3) if torch.equal(whole[number][2], chosen[place][2])]
        assert any(torch.equal(whole.images[number], chosen.images[place]) for number in same)


def test_pictures_turned_by_exif_have_the_size_they_are_seen_at(write: Write) -> None:
    path, folder = write(annotation(30, 3, 20, 4, 8, 12))
    with Image.open(folder / "wide.png") as upright:
        turned = upright.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    turned.save(folder / "wide.png", exif=exif)
    assert load_coco(path, folder, size=32)[0][1].tolist() == [[4, 4, 12, 16]]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (annotation(99, 3, 0, 0, 1, 1), "annotation 0 of .* image_id 99, which no image has"),
        (annotation(20, 7, 0, 0, 1, 1), "annotation 0 of .* category_id 7,.*known are 3, 90"),
        (annotation(20, 3, 30, 0, 3.1, 1), "annotation 0 .* must lie inside"),
        (annotation(20, 3, -2, 0, 3, 1), r"square\.png is 32 pixels wide and 32 high"),
        (annotation(20, 3, 0, 31, 3, 5), "must lie inside"),
        (annotation(20, 3, 0, 0, -3, 5), "no width or height below 0"),
        (annotation(20, 3, 0, 0, 3), "four numbers"),
        (annotation(20, 3, 0, 0, 3, float("nan")), "four numbers"),
        (annotation(20, 3, 0, 0, 3, 10**400), "four numbers"),
        ({"image_id": 20, "category_id": 3}, "bbox of annotation 0 .* not None"),
        ({"image_id": 20, "category_id": 3, "bbox": "1234"}, "four numbers .* not '1234'"),
        ({"image_id": 20, "bbox": [0, 0, 1, 1]}, "annotation 0 of .* needs 'category_id'"),
        ({"image_id": "20", "category_id": 3}, "needs 'image_id', a whole number .* not '20'"),
        (7, "no list 'annotations' of objects"),
    ],
)
def test_a_wrong_annotation_is_named(write: Write, entry: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_coco(*write(entry), size=16)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"images": []}, "lists no images"),
        ({"images": {}}, "no list 'images'"),
        ({"categories": None}, "no list 'categories'"),
        ({"categories": [{"id": 1, "name": "a"}] * 2}, "category 1 of .* id 1, as another has"),
        ({"categories": [{"id": 1, "name": ""}]}, "category 0 of .* needs 'name'"),
        (
            {"images": [{"id": 1, "file_name": "wide.png", "width": 64, "height": 32}] * 2},
            "image 1 of .* id 1, as another has",
        ),
        (
            {"images": [{"id": 1, "file_name": "wide.png", "width": 64, "height": 0}]},
            "image 0 of .* needs 'height', a whole number from 1 on, not 0",
        ),
        ({"images": [{"id": 1, "width": 64, "height": 3}]}, "image 0 of .* needs 'file_name'"),
        (
            {"images": [{"id": 1, "file_name": "wide.png", "width": 640, "height": 320}]},
            r"wide\.png is 64×32 pixels, and the image with id 1 of .* says 640×320",
        ),
    ],
)
def test_wrong_tables_are_named(write: Write, tables: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_coco(*write(**tables), size=16)


@pytest.mark.parametrize("text", ["", "{", '{"images": [', "[" * 100_000, "\xff", "[]", "3"])
def test_a_damaged_annotation_file_is_named(write: Write, text: str) -> None:
    path, folder = write()
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"instances\.json (cannot be read as JSON|has no list)"):
        load_coco(path, folder, size=16)


def test_missing_files(write: Write, tmp_path: Path) -> None:
    path, folder = write()
    with pytest.raises(FileNotFoundError, match=r"none\.json is not a file"):
        load_coco(tmp_path / "none.json", folder, size=16)
    with pytest.raises(FileNotFoundError, match="elsewhere is not a folder"):
        load_coco(path, tmp_path / "elsewhere", size=16)
    (folder / "tall.png").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"tall\.png is missing; it is the image with id 10"
    ):
        load_coco(path, folder, size=16)


def test_damaged_and_mixed_pictures_are_named(write: Write) -> None:
    path, folder = write()
    Image.new("L", (16, 48)).save(folder / "tall.png")
    with pytest.raises(ValueError, match=r"tall\.png is grey and .*wide\.png is in colour"):
        load_coco(path, folder, size=16)
    assert load_coco(path, folder, size=16, channels=3).image_shape == (3, 16, 16)
    (folder / "tall.png").write_bytes((folder / "wide.png").read_bytes()[:50])
    with pytest.raises(ValueError, match=r"tall\.png cannot be read as a picture"):
        load_coco(path, folder, size=16)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 4}, "size"),
        ({"size": 16, "channels": 2}, "channels"),
        ({"size": 16, "limit": 0}, "limit"),
    ],
)
def test_wrong_arguments_are_named(write: Write, options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=f"{message} must be"):
        load_coco(*write(), **options)
