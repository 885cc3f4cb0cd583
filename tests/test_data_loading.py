"""What holds for every named set: arguments, repeatability, parts that never overlap."""

import hashlib

import pytest
import torch

from tutorial_vae.data import CATALOGUE, ImageSet, load_images

OFFLINE = [name for name, info in CATALOGUE.items() if info.offline]


def hashes(images: ImageSet) -> set[str]:
    return {hashlib.sha256(image.numpy().tobytes()).hexdigest() for image in images.images}


@pytest.mark.parametrize("name", OFFLINE)
def test_an_offline_set_is_complete_and_repeatable(name: str) -> None:
    first, again = (load_images(name, size=24, limit=60, seed=3) for _ in range(2))
    other = load_images(name, size=24, limit=60, seed=4)
    channels = CATALOGUE[name].image_shape[0]
    assert first.name == name
    assert first.images.shape == (60, channels, 24, 24)
    assert first.images.dtype == torch.uint8
    assert first.images.amax() > 200
    assert torch.equal(first.images, again.images)
    assert not torch.equal(first.images, other.images)
    assert first.labels is not None
    assert len(first.class_names) > first.labels.max()
    if first.factors is not None:
        assert first.factors.shape == (60, len(first.factor_names))


@pytest.mark.parametrize("name", OFFLINE)
@pytest.mark.parametrize("size", [8, 32])
def test_train_and_test_share_no_picture_whatever_the_seeds(name: str, size: int) -> None:
    train = set().union(
        *(hashes(load_images(name, size=size, limit=700, seed=s)) for s in range(3))
    )
    test = set().union(
        *(hashes(load_images(name, "test", size=size, limit=700, seed=s)) for s in range(3))
    )
    assert len(train) > 500
    assert not train & test


@pytest.mark.parametrize("name", ["dsprites", "patches", "digits"])
def test_a_smaller_limit_gives_the_first_of_the_same_images(name: str) -> None:
    many, few = (load_images(name, size=16, limit=limit, seed=1) for limit in (40, 15))
    assert torch.equal(many.images[:15], few.images)


def test_without_a_limit_the_catalogue_tells_how_many() -> None:
    for name in ("digits", "glyphs-digits"):
        for split, count in (
            ("train", CATALOGUE[name].train_count),
            ("test", CATALOGUE[name].test_count),
        ):
            assert len(load_images(name, split, size=8)) == count


def test_channels_are_converted() -> None:
    grey = load_images("patches", size=16, limit=5, channels=1)
    colour = load_images("digits", size=16, limit=5, channels=3)
    assert grey.image_shape == (1, 16, 16)
    assert colour.image_shape == (3, 16, 16)
    assert torch.equal(colour.images[:, 0], colour.images[:, 2])


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("minst", {}, "'minst'; did you mean 'mnist'"),
        ("", {}, "name must be one of dsprites"),
        ("folder:", {}, "name must be one of dsprites"),
        ("digits", {"split": "validation"}, "split must be 'train' or 'test', not 'validation'"),
        ("digits", {"size": 7}, "size must be .* 8 pixels, not 7"),
        ("digits", {"channels": 2}, "channels must be 1, 3 or None, not 2"),
        ("digits", {"limit": 0}, "limit must be .* not 0"),
        ("digits", {"seed": -1}, "seed must be .* not -1"),
        ("patches", {"size": 200}, "size must be at most 160 pixels for patches, not 200"),
    ],
)
def test_wrong_arguments_are_named(name: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_images(name, **options)


def test_the_catalogue_is_complete() -> None:
    assert set(OFFLINE) >= {"dsprites", "solids", "patches", "digits"}
    for name, info in CATALOGUE.items():
        assert info.name == name
        assert info.summary
        assert info.licence
        assert info.source
        assert info.train_count > info.test_count > 0
        assert info.image_shape[0] in (1, 3)
