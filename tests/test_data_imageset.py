"""An image set: choosing from it, and fields that do not go together."""

import numpy as np
import pytest
import torch
from jaxtyping import config

from tutorial_vae.data import ImageSet


@pytest.fixture
def images() -> ImageSet:
    pixels = torch.arange(6 * 4, dtype=torch.uint8).view(6, 1, 2, 2)
    return ImageSet(
        name="six",
        images=pixels,
        labels=torch.tensor([0, 1, 0, 1, 0, 1]),
        factors=torch.arange(6).view(6, 1),
        class_names=("even", "odd"),
        factor_names=("number",),
    )


def test_length_shape_and_description(images: ImageSet) -> None:
    assert len(images) == 6
    assert images.image_shape == (1, 2, 2)
    assert repr(images) == "ImageSet('six', 6 images of 1×2×2, 2 classes)"


def test_one_image_with_its_label(images: ImageSet) -> None:
    image, label = images[3]
    assert image.flatten().tolist() == [12, 13, 14, 15]
    assert label == 1
    assert images[-1][1] == 1
    with pytest.raises(IndexError):
        images[6]


def test_iteration_gives_every_pair(images: ImageSet) -> None:
    assert [label for _, label in images] == [0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize(
    "index",
    [
        slice(1, None, 2),
        [1, 3, 5],
        np.array([1, 3, 5]),
        torch.tensor([1, 3, 5]),
        [False, True, False, True, False, True],
        np.arange(6) % 2 == 1,
    ],
)
def test_a_choice_is_an_image_set(images: ImageSet, index: object) -> None:
    odd = images[index]
    assert isinstance(odd, ImageSet)
    assert odd.labels is not None
    assert odd.factors is not None
    assert odd.labels.tolist() == [1, 1, 1]
    assert odd.factors[:, 0].tolist() == [1, 3, 5]
    assert odd.images[:, 0, 0, 0].tolist() == [4, 12, 20]
    assert odd.class_names == ("even", "odd")


def test_an_empty_choice(images: ImageSet) -> None:
    assert len(images[[]]) == 0
    assert len(images[torch.zeros(6, dtype=torch.bool)]) == 0


@pytest.mark.parametrize("index", [[0.5], [[1, 2]], "0", [True, False]])
def test_a_wrong_index(images: ImageSet, index: object) -> None:
    with pytest.raises((IndexError, TypeError)):
        images[index]


def test_without_labels() -> None:
    bare = ImageSet(name="bare", images=torch.zeros(2, 3, 4, 4, dtype=torch.uint8))
    assert bare[0][1] is None
    assert bare[:1].labels is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": torch.zeros(6, 1, 2, 2)}, "uint8"),
        ({"images": torch.zeros(6, 2, 2, dtype=torch.uint8)}, "channels"),
        ({"images": np.zeros((6, 1, 2, 2), np.uint8)}, "tensor"),
        ({"labels": torch.zeros(5, dtype=torch.int64)}, "5 entries for 6"),
        ({"labels": torch.zeros(6)}, "int64"),
        ({"labels": torch.full((6,), 2)}, "class_names"),
        ({"labels": torch.full((6,), -1)}, "class_names"),
        ({"factors": torch.zeros(6, 2, dtype=torch.int64)}, "factor_names"),
        ({"factors": torch.zeros(6, dtype=torch.int64)}, "factors"),
    ],
)
def test_fields_that_do_not_go_together(
    images: ImageSet, change: dict[str, object], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in use, where nothing but the set itself looks at its fields.
    monkeypatch.setattr(config, "jaxtyping_disable", True)
    fields = {name: getattr(images, name) for name in ImageSet.__dataclass_fields__}
    with pytest.raises((TypeError, ValueError), match=message):
        ImageSet(**{**fields, **change})
