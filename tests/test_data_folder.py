"""A user's own folder of pictures: how it may be laid out, and what is said when it is not."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tutorial_vae.data import ImageSet, load_images


def paint(path: Path, value: int, mode: str = "L") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(np.full((12, 10), value, np.uint8))
    picture.convert(mode).save(path)


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    """Two classes of ten pictures, each of its own grey."""
    for number in range(10):
        paint(tmp_path / "cats" / f"{number}.png", 10 + number)
        paint(tmp_path / "dogs" / f"{number}.png", 110 + number)
    return tmp_path


def both(folder: Path, **options: int) -> tuple[ImageSet, ImageSet]:
    name = f"folder:{folder}"
    return load_images(name, size=8, **options), load_images(name, "test", size=8, **options)


def greys(images: ImageSet) -> list[int]:
    return images.images[:, 0, 0, 0].tolist()


def test_sub_folders_are_classes_and_a_fifth_is_held_out(classes: Path) -> None:
    train, test = both(classes)
    assert (len(train), len(test)) == (16, 4)
    assert sorted(greys(train) + greys(test)) == [*range(10, 20), *range(110, 120)]
    for images in (train, test):
        assert images.class_names == ("cats", "dogs")
        assert images.labels is not None
        assert torch.equal(images.labels, (images.images[:, 0, 0, 0] >= 110).long())


def test_the_held_out_fifth_does_not_depend_on_seed_names_or_format(classes: Path) -> None:
    _, test = both(classes)
    _, again = both(classes, limit=20, seed=9)
    for number in range(10):
        (classes / "cats" / f"{number}.png").rename(classes / "cats" / f"x{9 - number}.png")
    _, renamed = both(classes)
    assert sorted(greys(test)) == sorted(greys(again)) == sorted(greys(renamed))


def test_identical_pictures_stay_together(classes: Path) -> None:
    for number in range(10):
        (classes / "dogs" / f"copy of {number}.png").write_bytes(
            (classes / "cats" / f"{number}.png").read_bytes()
        )
    train, test = both(classes)
    assert not set(greys(train)) & set(greys(test))


def test_train_and_test_folders_are_the_parts(tmp_path: Path) -> None:
    for split, first in (("train", 10), ("test", 60)):
        for number in range(3):
            paint(tmp_path / split / "a" / f"{number}.png", first + number)
    paint(tmp_path / "train" / "b" / "0.png", 90)
    train, test = both(tmp_path)
    assert greys(train) == [10, 11, 12, 90]
    assert greys(test) == [60, 61, 62]
    assert train.class_names == test.class_names == ("a", "b")


def test_a_limit_reads_only_the_chosen(classes: Path) -> None:
    images = load_images(f"folder:{classes}", size=8, limit=5, seed=2)
    assert len(images) == 5
    assert greys(images) == greys(load_images(f"folder:{classes}", size=8, limit=9, seed=2))[:5]


def test_pictures_without_classes(tmp_path: Path) -> None:
    for number in range(6):
        paint(tmp_path / f"{number}.png", number)
    train, test = both(tmp_path)
    assert (len(train), len(test)) == (5, 1)
    assert train.labels is None
    assert train.class_names == ()


def test_other_files_are_passed_over_and_deeper_folders_searched(classes: Path) -> None:
    for name in (".hidden.png", "Thumbs.db", "notes.txt", "cats/.DS_Store", "cats/labels.csv"):
        (classes / name).write_text("not a picture")
    paint(classes / ".cache" / "x.png", 1)
    paint(classes / "cats" / "kittens 🐈" / "é.JPEG", 77)
    train, test = both(classes)
    assert len(train) + len(test) == 21
    assert 77 in greys(train) + greys(test)


def test_links_that_lead_back_are_passed_over(classes: Path) -> None:
    expected = [greys(images) for images in both(classes)]
    for name in ("cats", "dogs"):
        (classes / name / "up").symlink_to(classes, target_is_directory=True)
        (classes / name / "deeper").mkdir()
        (classes / name / "deeper" / "self").symlink_to("..", target_is_directory=True)
    assert [greys(images) for images in both(classes)] == expected
    # A link to somewhere else is followed.
    paint(classes.with_name("elsewhere") / "x.png", 77)
    (classes / "cats" / "more").symlink_to(classes.with_name("elsewhere"))
    train, test = both(classes)
    assert 77 in greys(train) + greys(test)


def test_grey_and_colour_together_need_a_decision(classes: Path) -> None:
    paint(classes / "dogs" / "5.png", 115, "RGB")
    with pytest.raises(ValueError, match=r"5\.png is in colour and .*0\.png is grey; .*channels=1"):
        both(classes)
    train, _ = both(classes, channels=1)
    assert train.image_shape == (1, 8, 8)
    colour, _ = both(classes, channels=3)
    assert colour.image_shape == (3, 8, 8)


def test_a_damaged_picture_is_named(classes: Path) -> None:
    path = classes / "dogs" / "3.png"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ValueError, match=r"dogs.3\.png cannot be read"):
        both(classes)


def test_a_picture_beside_class_folders_is_named(classes: Path) -> None:
    paint(classes / "stray.png", 1)
    with pytest.raises(ValueError, match=r"stray\.png has no class"):
        both(classes)


def test_a_class_without_pictures_is_named(classes: Path) -> None:
    (classes / "fish").mkdir()
    with pytest.raises(ValueError, match="fish holds no picture"):
        both(classes)


def test_a_picture_beside_train_and_test_is_named(tmp_path: Path) -> None:
    for path in ("train/0.png", "test/1.png", "stray.png"):
        paint(tmp_path / path, 1)
    with pytest.raises(ValueError, match=r"stray\.png lies beside train and test"):
        both(tmp_path)


def test_parts_of_two_kinds(tmp_path: Path) -> None:
    paint(tmp_path / "train" / "a" / "0.png", 1)
    paint(tmp_path / "test" / "1.png", 1)
    with pytest.raises(ValueError, match="has classes and the other has not"):
        both(tmp_path)


def test_missing_empty_and_small_folders(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere is not a folder"):
        both(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="holds no picture"):
        both(tmp_path)
    paint(tmp_path / "0.png", 1)
    with pytest.raises(ValueError, match="1 different pictures; at least 5"):
        both(tmp_path)
