"""torchvision's sets through its own classes, on small files in the formats of the real ones."""

import bz2
import gzip
import hashlib
import os
import pickle
import shutil
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tutorial_vae.data import download, load_images
from tutorial_vae.data.torchvision_import import import_torchvision
from tutorial_vae.files import data_root

datasets = import_torchvision().datasets

RANDOM = np.random.default_rng(0)
PARTS = {"train": "train", "test": "t10k"}
COUNTS = {"train": 30, "test": 12}


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def idx(values: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
    return header + values.astype(np.uint8).tobytes()


def noise(*shape: int) -> np.ndarray:
    return RANDOM.integers(0, 256, shape, np.uint8)


def write_idx(folder: Path, prefixes: dict[str, str] = PARTS) -> dict[str, np.ndarray]:
    """Write a small set in MNIST's format and return its images."""
    folder.mkdir(parents=True)
    written = {}
    for split, prefix in prefixes.items():
        written[split] = noise(COUNTS[split], 28, 28)
        (folder / f"{prefix}-images-idx3-ubyte").write_bytes(idx(written[split]))
        labels = np.arange(COUNTS[split]) % 10
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(idx(labels))
    return written


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    ("name", "folder"),
    [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST"), ("kmnist", "KMNIST")],
)
def test_idx_sets(tmp_path: Path, name: str, folder: str) -> None:
    written = write_idx(tmp_path / folder / "raw")
    for split, count in COUNTS.items():
        images = load_images(name, split, size=28, root=tmp_path)
        assert np.array_equal(images.images[:, 0].numpy(), written[split])
        assert images.labels is not None
        assert images.labels.tolist() == [number % 10 for number in range(count)]
        assert len(images.class_names) == 10
    few = load_images(name, size=28, limit=5, seed=1, root=tmp_path)
    for image, label in few:
        place = int((torch.from_numpy(written["train"]) == image).all((1, 2)).nonzero())
        assert label == place % 10


@pytest.mark.usefixtures("no_network")
def test_emnist_letters_are_upright_and_count_from_a(tmp_path: Path) -> None:
    prefixes = {split: f"emnist-letters-{split}" for split in COUNTS}
    raw = tmp_path / "EMNIST" / "raw"
    written = write_idx(raw, prefixes)
    for split, count in COUNTS.items():
        labels = idx(np.arange(count) % 26 + 1)
        (raw / f"{prefixes[split]}-labels-idx1-ubyte").write_bytes(labels)
    images = load_images("emnist-letters", size=28, root=tmp_path)
    assert np.array_equal(images.images[3, 0].numpy(), written["train"][3].T)
    assert images.labels is not None
    assert images.class_names[images.labels[0]] == "a"
    assert images.class_names[images.labels[25]] == "z"


@pytest.mark.usefixtures("no_network")
def test_usps(tmp_path: Path) -> None:
    values = np.linspace(-1, 1, 256)
    lines = [
        f"{label} " + " ".join(f"{place}:{value:.4f}" for place, value in enumerate(values, 1))
        for label in (1, 10)
    ]
    (tmp_path / "usps.t.bz2").write_bytes(bz2.compress("\n".join(lines).encode()))
    images = load_images("usps", "test", size=16, root=tmp_path)
    assert images.labels is not None
    assert images.labels.tolist() == [0, 9]
    assert images.images[0].flatten()[[0, -1]].tolist() == [0, 255]
    content = (tmp_path / "usps.t.bz2").read_bytes()
    (tmp_path / "usps.t.bz2").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"usps\.t\.bz2 is damaged .*data usps --download"):
        load_images("usps", "test", root=tmp_path)


@pytest.mark.usefixtures("no_network")
def test_svhn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from scipy.io import savemat

    pixels = noise(32, 32, 3, 7)
    path = tmp_path / "train_32x32.mat"
    savemat(path, {"X": pixels, "y": np.array([[1, 2, 3, 10, 5, 6, 7]]).T})
    monkeypatch.setitem(datasets.SVHN.split_list, "train", ["http://x", path.name, md5(path)])
    images = load_images("svhn", root=tmp_path)
    assert np.array_equal(images.images.numpy(), pixels.transpose(3, 2, 0, 1))
    assert images.labels is not None
    assert images.labels.tolist() == [1, 2, 3, 0, 5, 6, 7]
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"train_32x32\.mat is damaged .*no network"):
        load_images("svhn", root=tmp_path)


@pytest.mark.usefixtures("no_network")
def test_cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    pixels = {name: noise(4, 3 * 32 * 32) for name in ("data_batch_1", "test_batch")}
    contents: dict[str, Any] = {
        name: {"data": data, "labels": [3, 1, 0, 9]} for name, data in pixels.items()
    }
    contents["batches.meta"] = {"label_names": ["airplane"]}
    for name, content in contents.items():
        (folder / name).write_bytes(pickle.dumps(content))
    sums = {name: md5(folder / name) for name in contents}
    monkeypatch.setattr(datasets.CIFAR10, "train_list", [["data_batch_1", sums["data_batch_1"]]])
    monkeypatch.setattr(datasets.CIFAR10, "test_list", [["test_batch", sums["test_batch"]]])
    monkeypatch.setitem(datasets.CIFAR10.meta, "md5", sums["batches.meta"])
    images = load_images("cifar10", "test", root=tmp_path)
    assert np.array_equal(images.images.flatten(1).numpy(), pixels["test_batch"])
    assert [images.class_names[label] for _, label in images] == [
        "cat",
        "automobile",
        "airplane",
        "truck",
    ]
    (folder / "test_batch").write_bytes(b"something that must not be unpickled")
    with pytest.raises(ValueError, match=r"cifar-10-batches-py is damaged"):
        load_images("cifar10", "test", root=tmp_path)


def write_omniglot(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = root / "omniglot-py"
    for character in ("Greek/character02", "Greek/character01", "Balinese/character01"):
        (folder / "images_background" / character).mkdir(parents=True)
        for drawing in range(3):
            paper = Image.new("1", (105, 105), 1)
            paper.paste(0, (50, 50 - 10 * drawing, 60, 60))
            name = f"{drawing}.png"
            paper.save(folder / "images_background" / character / name)
    with zipfile.ZipFile(folder / "images_background.zip", "w") as archive:
        for path in sorted(folder.glob("images_background/*/*/*.png")):
            archive.write(path, path.relative_to(folder))
    monkeypatch.setitem(
        datasets.Omniglot.zips_md5, "images_background", md5(folder / "images_background.zip")
    )
    return folder / "images_background"


@pytest.mark.usefixtures("no_network")
def test_omniglot_is_white_on_black_in_a_fixed_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_omniglot(tmp_path, monkeypatch)
    images = load_images("omniglot", size=105, root=tmp_path)
    assert images.class_names == (
        "Balinese/character01",
        "Greek/character01",
        "Greek/character02",
    )
    assert images.labels is not None
    assert images.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    ink = (images.images == 255).sum((1, 2, 3))
    assert ink.tolist() == [100, 200, 300] * 3
    (folder / "Greek" / "character01" / "2.png").unlink()
    with pytest.raises(ValueError, match=r"omniglot-py.* damaged .*8 of 9 pictures are unpacked"):
        load_images("omniglot", root=tmp_path)


@pytest.mark.usefixtures("no_network")
def test_celeba_reads_only_the_chosen_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "celeba"
    (folder / "img_align_celeba").mkdir(parents=True)
    names = [f"{number:06}.jpg" for number in range(1, 7)]
    for number, name in enumerate(names):
        picture = Image.new("RGB", (178, 218), (40 * number, 0, 0))
        picture.save(folder / "img_align_celeba" / name)
    tables = {
        "list_eval_partition.txt": [f"{name} {0 if n < 4 else 2}" for n, name in enumerate(names)],
        "identity_CelebA.txt": [f"{name} 1" for name in names],
        "list_bbox_celeba.txt": ["6", "image_id x", *[f"{name} 1" for name in names]],
        "list_landmarks_align_celeba.txt": ["6", "eye", *[f"{name} 1" for name in names]],
        "list_attr_celeba.txt": [
            "6",
            "Bald Smiling ",
            *[f"{name} -1 {1 if n % 2 else -1}" for n, name in enumerate(names)],
        ],
    }
    for name, lines in tables.items():
        (folder / name).write_text("\n".join(lines) + "\n")
    listed = [("", md5(folder / name), name) for name in tables]
    monkeypatch.setattr(datasets.CelebA, "file_list", listed)

    train = load_images("celeba", root=tmp_path)
    assert train.image_shape == (3, 32, 32)
    assert train.labels is None
    assert train.factor_names == ("Bald", "Smiling")
    assert train.factors is not None
    assert train.factors.tolist() == [[0, 0], [0, 1], [0, 0], [0, 1]]
    assert len(load_images("celeba", "test", root=tmp_path)) == 2

    (one,) = load_images("celeba", root=tmp_path, limit=1, seed=0).images[:, 0, 5, 5].tolist()
    for number, name in enumerate(names[:4]):
        if abs(40 * number - one) > 5:
            (folder / "img_align_celeba" / name).write_bytes(b"broken")
    assert len(load_images("celeba", root=tmp_path, limit=1, seed=0)) == 1
    with pytest.raises(ValueError, match=r"0000.*\.jpg cannot be read .*data celeba --download"):
        load_images("celeba", root=tmp_path)
    (folder / "img_align_celeba" / names[1]).unlink()
    with pytest.raises(ValueError, match=r"img_align_celeba is damaged .*000002\.jpg among them"):
        load_images("celeba", root=tmp_path, limit=1)


@pytest.mark.usefixtures("no_network")
def test_a_missing_set_is_named_with_the_way_to_fetch_it(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError,
        match=r"train-images-idx3-ubyte is missing .*no network.*`tutorial-vae data mnist --down",
    ):
        load_images("mnist", root=tmp_path)
    write_idx(tmp_path / "half" / "MNIST" / "raw")
    (tmp_path / "half" / "MNIST" / "raw" / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match="t10k-labels-idx1-ubyte is missing"):
        load_images("mnist", root=tmp_path / "half")


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("kind", ["images-idx3", "labels-idx1"])
@pytest.mark.parametrize(
    "harm",
    [
        lambda content: b"",
        lambda content: content[:3],
        lambda content: content[:7],
        lambda content: content[:-1],
        lambda content: content + b"\0",
        lambda content: b"<html>" + content,
        lambda content: gzip.compress(content),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, kind: str, harm: Callable[[bytes], bytes]) -> None:
    write_idx(tmp_path / "MNIST" / "raw")
    path = tmp_path / "MNIST" / "raw" / f"train-{kind}-ubyte"
    path.write_bytes(harm(path.read_bytes()))
    with pytest.raises(ValueError, match=rf"train-{kind}-ubyte is damaged .*mnist --download"):
        load_images("mnist", root=tmp_path)
    assert len(load_images("mnist", "test", root=tmp_path)) == COUNTS["test"]


@pytest.mark.usefixtures("no_network")
def test_fewer_labels_than_images(tmp_path: Path) -> None:
    write_idx(tmp_path / "MNIST" / "raw")
    (tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(29)))
    with pytest.raises(ValueError, match=r"damaged .*30 images but 29 labels"):
        load_images("mnist", root=tmp_path)


@pytest.fixture
def published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serve: Callable[[Path], str]
) -> Path:
    """A web server on this machine with a small MNIST; returns where its unpacked files lie."""
    raw = tmp_path / "published"
    write_idx(raw)
    resources = []
    for path in sorted(raw.iterdir()):
        packed = raw / f"{path.name}.gz"
        packed.write_bytes(gzip.compress(path.read_bytes()))
        resources.append((packed.name, md5(packed)))
    monkeypatch.setattr(datasets.MNIST, "resources", resources)
    monkeypatch.setattr(datasets.MNIST, "mirrors", [serve(raw) + "/"])
    return raw


@pytest.mark.usefixtures("published")
def test_a_missing_set_is_fetched(tmp_path: Path) -> None:
    assert len(load_images("mnist", root=tmp_path / "new")) == COUNTS["train"]


def test_download_replaces_what_is_damaged(tmp_path: Path, published: Path) -> None:
    root = tmp_path / "root"
    assert download("mnist", root) == root
    raw = root / "MNIST" / "raw"
    damaged, packed = raw / "t10k-images-idx3-ubyte", raw / "train-labels-idx1-ubyte.gz"
    good = damaged.read_bytes()
    damaged.write_bytes(good[:100])
    download("mnist", root)
    assert damaged.read_bytes() == good

    packed.write_bytes(b"cut short")
    (raw / "train-labels-idx1-ubyte").unlink()
    download("mnist", root)
    assert md5(packed) == md5(published / packed.name)
    assert len(load_images("mnist", root=root)) == COUNTS["train"]


@pytest.mark.usefixtures("no_network")
def test_download_leaves_a_complete_set_alone(tmp_path: Path) -> None:
    write_idx(tmp_path / "MNIST" / "raw")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    download("mnist", tmp_path)
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}


@pytest.mark.parametrize("name", ["digits", "nothing"])
def test_download_of_what_cannot_be_downloaded(name: str) -> None:
    with pytest.raises(ValueError, match=rf"a set to download \(mnist, .*not '{name}'"):
        download(name)


@pytest.mark.usefixtures("no_network")
def test_download_fetches_a_half_unpacked_omniglot_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_omniglot(tmp_path, monkeypatch)
    shutil.rmtree(folder / "Greek")
    with pytest.raises(FileNotFoundError, match=r"images_background\.zip is missing .*no network"):
        download("omniglot", tmp_path)


def test_the_data_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TUTORIAL_VAE_DATA", raising=False)
    assert data_root().name == "tutorial_vae"
    monkeypatch.setenv("TUTORIAL_VAE_DATA", str(tmp_path))
    assert data_root() == tmp_path
    assert data_root("~/sets") == Path.home() / "sets"


def real(folder: str) -> None:
    root = os.environ.get("TUTORIAL_VAE_DATA")
    if not root or not (Path(root) / folder / "raw").is_dir():
        pytest.skip(f"no {folder} under TUTORIAL_VAE_DATA")


@pytest.mark.real_data
def test_the_real_mnist() -> None:
    real("MNIST")
    train, test = (load_images("mnist", split, size=28) for split in ("train", "test"))
    assert (len(train), len(test)) == (60_000, 10_000)
    assert train.labels is not None
    assert test.labels is not None
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert test.labels.bincount().min() == 892
    assert train.images.float().mean() / 255 == pytest.approx(0.1307, abs=1e-4)
    assert load_images("mnist", limit=64).image_shape == (1, 32, 32)


@pytest.mark.real_data
def test_the_real_fashion_mnist() -> None:
    real("FashionMNIST")
    test = load_images("fashion-mnist", "test", size=28)
    assert test.labels is not None
    assert test.labels.bincount().tolist() == [1000] * 10
    assert test.class_names[test.labels[0]] == "Ankle boot"
    assert len(load_images("fashion-mnist", limit=1000)) == 1000
