"""The tasks of chapter 13: which images each side holds, and in which order they are handed out."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from tutorial_vae.data import ImageSet
from tutorial_vae_book.ch13_transferability import tasks
from tutorial_vae_book.ch13_transferability.tasks import (
    SHIFTS,
    SHORT,
    TASKS,
    balanced_order,
    labelled_target,
    task_images,
    unlabelled_target,
)


def test_classes_take_turns_as_far_as_there_are_any() -> None:
    labels = torch.tensor([0] * 10 + [1] * 4 + [2] * 2)
    for seed in range(5):
        order = balanced_order(labels, seed)
        assert sorted(order.tolist()) == list(range(16))
        handed_out = labels[order]
        for turn in range(2):
            assert sorted(handed_out[3 * turn : 3 * turn + 3].tolist()) == [0, 1, 2]
        assert sorted(handed_out[6:10].tolist()) == [0, 0, 1, 1]
        assert handed_out[10:].tolist() == [0] * 6


def test_the_order_is_of_the_seed() -> None:
    labels = torch.arange(100) % 3
    assert torch.equal(balanced_order(labels, 1), balanced_order(labels, 1))
    assert not torch.equal(balanced_order(labels, 1), balanced_order(labels, 2))


@pytest.mark.parametrize("name", ["digits", "digits:5-9", "glyphs-greek"])
def test_every_share_of_labelled_images_and_the_validation_hold_all_classes(name: str) -> None:
    for seed in range(3):
        target = labelled_target(name, seed)
        classes = len(target.pool.class_names)
        pool, validation = (tasks.labels_of(part) for part in (target.pool, target.validation))
        counts = validation.bincount(minlength=classes)
        assert len(set(counts.tolist())) == 1
        assert 80 <= len(validation) <= 290
        for share in (classes, 2 * classes, len(pool) // 3):
            counts = pool[:share].bincount(minlength=classes)
            assert counts.max() - counts.min() <= 1
        both = torch.cat([target.pool.images, target.validation.images]).flatten(1)
        assert len(both.unique(dim=0)) == len(task_images(name, "train").images[: len(both)])


def test_images_without_labels_come_as_they_are() -> None:
    images = task_images("digits", "train")
    drawn = unlabelled_target("digits", 0)
    assert drawn.shape == (1000, 1, 32, 32)
    assert len(drawn.flatten(1).unique(dim=0)) == 1000
    assert not torch.equal(drawn, unlabelled_target("digits", 1))
    assert len(torch.cat([drawn, images.images]).flatten(1).unique(dim=0)) == len(images)


def test_part_of_the_classes_is_numbered_anew() -> None:
    upper = task_images("digits:5-9", "test")
    assert upper.class_names == ("5", "6", "7", "8", "9")
    assert upper.labels is not None
    assert set(upper.labels.tolist()) == set(range(5))
    whole = task_images("digits", "test")
    assert whole.labels is not None
    assert torch.equal(upper.images, whole.images[whole.labels >= 5])


def test_solids_in_low_light_are_the_same_solids_in_darker_pictures() -> None:
    low, usual = (task_images(name, "test") for name in ("solids:low light", "solids"))
    assert low.class_names == usual.class_names
    assert low.image_shape == usual.image_shape
    assert low.images.float().mean() < 0.7 * usual.images.float().mean()
    assert not torch.equal(low.images[:50], task_images("solids:low light", "train").images[:50])


def test_omniglot_may_lie_as_a_folder_of_alphabets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = torch.Generator().manual_seed(0)
    for alphabet, characters in (("Korean", 3), ("Greek", 2)):
        for character in range(1, characters + 1):
            folder = tmp_path / "omniglot-pictures" / alphabet / f"character{character:02d}"
            folder.mkdir(parents=True)
            for drawing in range(6):
                ink = torch.rand(32, 32, generator=generator) < 0.1
                paper = (255 * ~ink).to(torch.uint8).numpy()
                Image.fromarray(paper).save(folder / f"{drawing}.png")
    monkeypatch.setenv("TUTORIAL_VAE_DATA", str(tmp_path))
    task_images.cache_clear()
    try:
        train, test = (task_images("omniglot:Korean,Greek", split) for split in ("train", "test"))
    finally:
        task_images.cache_clear()
    for images in (train, test):
        assert images.labels is not None
        assert images.labels.bincount().tolist() == [3] * 5
        assert images.images.float().mean() < 60  # ink has become white
    pixels = torch.cat([train.images, test.images]).flatten(1)
    assert len(pixels.unique(dim=0)) == 30


def test_the_short_benchmark_needs_no_download() -> None:
    task, shift = SHORT
    for pair in (TASKS[task], SHIFTS[shift]):
        assert {task_images(side, "test").image_shape for side in pair} == {(1, 32, 32)}


def test_both_sides_of_a_shift_have_the_same_classes() -> None:
    sides = [task_images(side, "test") for side in SHIFTS[SHORT[1]]]
    assert len(sides[0].class_names) == len(sides[1].class_names) == 10


def test_labels_are_asked_of_sets_that_have_them() -> None:
    bare = ImageSet("bare", torch.zeros(2, 1, 4, 4, dtype=torch.uint8))
    with pytest.raises(ValueError, match="bare has no labels"):
        tasks.labels_of(bare)
