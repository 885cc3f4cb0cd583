"""A user's own arrays: layouts, ranges, labels and damaged files."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tutorial_vae.data import ImageSet, load_images

NOISE = np.random.default_rng(0).integers(0, 256, (10, 8, 8), np.uint8)


def both(path: Path, **options: Any) -> tuple[ImageSet, ImageSet]:
    return tuple(
        load_images(f"npz:{path}", split, size=8, **options) for split in ("train", "test")
    )  # type: ignore[return-value]


def write(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "mine.npz", **arrays)
    return folder / "mine.npz"


def test_images_and_labels(tmp_path: Path) -> None:
    path = write(tmp_path, images=NOISE, labels=np.arange(10) % 3 + 5)
    train, test = both(path)
    assert (len(train), len(test)) == (8, 2)
    assert train.class_names == test.class_names == ("5", "6", "7")
    for images in (train, test):
        assert images.labels is not None
        for image, label in images:
            place = (torch.from_numpy(NOISE) == image).all((1, 2)).nonzero().item()
            assert label == place % 3


def test_the_parts_do_not_depend_on_the_order(tmp_path: Path) -> None:
    _, test = both(write(tmp_path, images=NOISE))
    _, turned = both(write(tmp_path, images=NOISE[::-1]))
    assert test.labels is None
    assert torch.equal(test.images.flip(0), turned.images)


@pytest.mark.parametrize(
    ("images", "channels"),
    [
        (NOISE[:, None], 1),
        (NOISE[..., None], 1),
        (np.stack([NOISE] * 3, 1), 3),
        (np.stack([NOISE] * 3, 3), 3),
    ],
)
def test_the_channel_axis_is_found(tmp_path: Path, images: np.ndarray, channels: int) -> None:
    found = both(write(tmp_path, images=images))
    assert found[0].image_shape == (channels, 8, 8)
    every_channel = torch.cat([part.images for part in found]).permute(1, 0, 2, 3)
    for channel in every_channel:
        assert {image.numpy().tobytes() for image in channel} == {
            image.tobytes() for image in NOISE
        }


def test_real_numbers(tmp_path: Path) -> None:
    plain, _ = both(write(tmp_path, images=NOISE))
    expected = set(plain.images.flatten().tolist())
    for images in (NOISE / 255, NOISE / np.float32(127.5) - 1, NOISE.astype(np.float64)):
        train, test = both(write(tmp_path, images=images))
        everything = torch.cat((train.images, test.images))
        assert len(everything) == 10
        assert expected <= set(everything.flatten().tolist())


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"pictures": NOISE}, "has no array 'images'"),
        ({"images": NOISE[0]}, "shape"),
        ({"images": np.zeros((10, 3, 8, 3), np.uint8)}, "read in two ways"),
        ({"images": np.zeros((10, 8, 8, 4), np.uint8)}, "is not one of these"),
        ({"images": NOISE[:0]}, "is empty"),
        ({"images": NOISE.astype(np.int64) * 3}, "int64 from 0 to 7"),
        ({"images": NOISE / 255 * 1000}, "ranges from 0 to 1000"),
        ({"images": np.where(NOISE > 9, np.nan, 0.5)}, "NaN"),
        ({"images": NOISE > 9}, "bool"),
        ({"images": NOISE, "labels": np.arange(9)}, "'labels' .* 10 whole numbers"),
        ({"images": NOISE, "labels": np.arange(10) / 2}, "'labels' .* float64"),
        ({"images": NOISE[:4]}, "4 different pictures"),
        ({"images": np.array([{}], object)}, "plain arrays"),
    ],
)
def test_what_the_file_lacks_is_said(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        both(write(tmp_path, **arrays))
    assert "mine.npz" in str(caught.value)


@pytest.mark.parametrize("keep", [0, 2, 100, 500, -10])
def test_a_file_cut_short_is_named(tmp_path: Path, keep: int) -> None:
    path = write(tmp_path, images=NOISE)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"mine\.npz cannot be read as an npz file"):
        both(path)


def test_a_flipped_byte_is_found(tmp_path: Path) -> None:
    path = write(tmp_path, images=NOISE)
    content = bytearray(path.read_bytes())
    content[400] ^= 255
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"mine\.npz cannot be read as an npz file"):
        both(path)


def test_other_files_are_refused_and_not_run(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    for content in (b"text", pickle.dumps({"images": NOISE})):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"mine\.npz cannot be read as an npz file"):
            both(path)
    with path.open("wb") as file:
        np.save(file, NOISE)
    with pytest.raises(ValueError, match=r"mine\.npz cannot .* one array without a name"):
        both(path)
    with pytest.raises(FileNotFoundError, match=r"nothing\.npz is not a file"):
        both(tmp_path / "nothing.npz")
