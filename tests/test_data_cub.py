"""The layout of CUB-200-2011: its parts and classes, and what is said of damaged lists."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tutorial_vae.data import ImageSet, load_images

CLASSES = ("001.Black_footed_Albatross", "002.Laysan_Albatross", "010.Red winged Blackbird")


@pytest.fixture
def birds(tmp_path: Path) -> Path:
    """Three classes of three pictures, each of its own grey, the last one of each for testing."""
    lists: dict[str, list[str]] = {name: [] for name in ("images", "labels", "split", "boxes")}
    for number in range(9):
        name = f"{CLASSES[number // 3]}/Bird_{number:04}.png"
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full((12, 20, 3), 10 * number, np.uint8)
        pixels[-3:, 13:16] = 255  # in the middle square, and outside of the bounding box
        Image.fromarray(pixels).save(path)
        lists["images"].append(f"{number + 1} {name}")
        lists["labels"].append(f"{number + 1} {(1, 2, 10)[number // 3]}")
        lists["split"].append(f"{number + 1} {int(number % 3 < 2)}")
        lists["boxes"].append(f"{number + 1} 0.0 0.0 5.0 5.0")
    lists["classes"] = [
        f"{number} {name}" for number, name in zip((1, 2, 10), CLASSES, strict=True)
    ]
    files = {
        "images": "images.txt",
        "labels": "image_class_labels.txt",
        "split": "train_test_split.txt",
        "boxes": "bounding_boxes.txt",
        "classes": "classes.txt",
    }
    for name, lines in lists.items():
        (tmp_path / files[name]).write_text("\n".join(lines) + "\n")
    return tmp_path


def load(folder: Path, split: str = "train", **options: int) -> ImageSet:
    return load_images(f"cub:{folder}", split, size=8, **options)


def greys(images: ImageSet) -> list[int]:
    return images.images[:, 0, 4, 4].tolist()


def test_parts_and_classes_are_those_of_the_lists(birds: Path) -> None:
    train, test = load(birds), load(birds, "test")
    assert greys(train) == [0, 10, 30, 40, 60, 70]
    assert greys(test) == [20, 50, 80]
    for images in (train, test):
        assert images.class_names == CLASSES
        assert images.labels is not None
        assert images.labels.tolist() == [grey // 30 for grey in greys(images)]
        assert images.image_shape == (3, 8, 8)


def test_pictures_are_not_cut_to_their_birds(birds: Path) -> None:
    whole = greys(load(birds))
    (birds / "bounding_boxes.txt").unlink()
    assert greys(load(birds)) == whole
    assert (load(birds).images[:, :, 7, 7] > 200).all()


def test_limit_channels_and_windows_line_ends(birds: Path) -> None:
    lines = (birds / "images.txt").read_text().splitlines()
    (birds / "images.txt").write_bytes(("\r\n".join(lines) + "\r\n\r\n").encode())
    few = load(birds, limit=3, seed=1, channels=1)
    assert few.image_shape == (1, 8, 8)
    assert len(set(greys(few))) == 3
    assert greys(few) == greys(load(birds, limit=5, seed=1))[:3]


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("images.txt", "4 002", "x 002", "line 4: .* is not a number and a value"),
        ("images.txt", "4 002", "3 002", "line 4: the number 3 comes twice"),
        ("images.txt", "9 010", "11 010", "list different images: 9 "),
        ("image_class_labels.txt", "9 10\n", "", "list different images: 9 "),
        (
            "image_class_labels.txt",
            "9 10",
            "9 200",
            "image 9 has the value '200', which is not kno",
        ),
        ("image_class_labels.txt", "9 10", "9", "line 9: '9' is not a number and a value"),
        ("train_test_split.txt", "1 1", "1 2", "image 1 has the value '2'"),
        ("train_test_split.txt", " 0", " 1", "puts no picture into the test part"),
        ("classes.txt", "10 010", "10", "classes.txt.*image_class_labels|value"),
    ],
)
def test_a_damaged_list_is_named(birds: Path, name: str, old: str, new: str, message: str) -> None:
    path = birds / name
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ValueError, match=message):
        load(birds, "test")


def test_lists_that_are_no_text_or_empty(birds: Path) -> None:
    path = birds / "classes.txt"
    path.write_bytes(b"\xff\xfe1 a")
    with pytest.raises(ValueError, match=r"classes\.txt is not plain text"):
        load(birds)
    path.write_text("\n")
    with pytest.raises(ValueError, match=r"classes\.txt is empty"):
        load(birds)


@pytest.mark.parametrize(
    "name", ["images.txt", "image_class_labels.txt", "train_test_split.txt", "classes.txt"]
)
def test_a_missing_list_is_named(birds: Path, name: str) -> None:
    (birds / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name} is missing"):
        load(birds)


def test_missing_and_damaged_pictures(birds: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere is not a folder"):
        load(birds / "nowhere")
    picture = birds / "images" / CLASSES[0] / "Bird_0001.png"
    picture.write_bytes(picture.read_bytes()[:40])
    with pytest.raises(ValueError, match=r"Bird_0001\.png cannot be read"):
        load(birds)
    picture.unlink()
    with pytest.raises(FileNotFoundError, match=r"Bird_0001\.png is missing; it is image 2 of"):
        load(birds)
