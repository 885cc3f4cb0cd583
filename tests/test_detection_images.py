"""A detection set: choosing from it, and fields that do not go together."""

import math

import numpy as np
import pytest
import torch
from jaxtyping import config

from tutorial_vae.detection import DetectionSet
from tutorial_vae.detection.images import pad_objects

NAN = math.nan


@pytest.fixture
def scenes() -> DetectionSet:
    """Three images 8 wide and 6 high with two, no and one object."""
    return DetectionSet(
        name="three",
        images=torch.arange(3, dtype=torch.uint8).view(3, 1, 1, 1).repeat(1, 1, 6, 8),
        boxes=torch.tensor(
            [[[0, 0, 8, 6], [1.5, 2, 3, 4]], [[NAN] * 4] * 2, [[7, 5, 8, 6], [NAN] * 4]]
        ),
        labels=torch.tensor([[1, 0], [-1, -1], [0, -1]]),
        class_names=("cat", "dog"),
    )


def test_length_shape_and_description(scenes: DetectionSet) -> None:
    assert len(scenes) == 3
    assert scenes.image_shape == (1, 6, 8)
    assert repr(scenes) == "DetectionSet('three', 3 images of 1×6×8, 3 objects of 2 classes)"


def test_one_image_comes_without_padding(scenes: DetectionSet) -> None:
    image, boxes, labels = scenes[-1]
    assert image.unique().tolist() == [2]
    assert boxes.tolist() == [[7, 5, 8, 6]]
    assert labels.tolist() == [0]
    assert scenes[1][1].shape == (0, 4)
    with pytest.raises(IndexError):
        scenes[3]
    assert [len(labels) for _, _, labels in scenes] == [2, 0, 1]


@pytest.mark.parametrize(
    "index",
    [
        slice(1, None),
        [1, 2],
        np.array([1, 2]),
        torch.tensor([1, 2]),
        [False, True, True],
        np.arange(3) > 0,
    ],
)
def test_a_choice_is_a_detection_set(scenes: DetectionSet, index: object) -> None:
    chosen = scenes[index]
    assert isinstance(chosen, DetectionSet)
    assert chosen.images[:, 0, 0, 0].tolist() == [1, 2]
    assert chosen.labels.tolist() == [[-1, -1], [0, -1]]
    assert torch.equal(chosen.boxes[1, 0], torch.tensor([7.0, 5, 8, 6]))
    assert chosen.class_names == ("cat", "dog")


def test_a_choice_keeps_its_count_of_what_was_left_out(scenes: DetectionSet) -> None:
    fields = {name: getattr(scenes, name) for name in DetectionSet.__dataclass_fields__}
    counted = DetectionSet(**{**fields, "left_out": torch.tensor([4, 0, 1])})
    assert repr(counted).endswith("2 classes, 5 left out)")
    last = counted[1:]
    assert isinstance(last, DetectionSet)
    assert last.left_out is not None
    assert last.left_out.tolist() == [0, 1]


def test_an_empty_choice(scenes: DetectionSet) -> None:
    assert len(scenes[[]]) == 0
    assert len(scenes[torch.zeros(3, dtype=torch.bool)]) == 0


@pytest.mark.parametrize("index", [[0.5], [[1, 2]], "0", [True, False]])
def test_a_wrong_index(scenes: DetectionSet, index: object) -> None:
    with pytest.raises((IndexError, TypeError)):
        scenes[index]


def box(*edges: float) -> torch.Tensor:
    """The boxes of the fixture with other edges of the object in the last image."""
    boxes = torch.full((3, 2, 4), NAN)
    boxes[0] = torch.tensor([[0, 0, 8, 6], [1.5, 2, 3, 4]])
    boxes[2, 0] = torch.tensor(edges)
    return boxes


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": torch.zeros(3, 1, 6, 8)}, "images must hold uint8"),
        ({"images": torch.zeros(3, 6, 8, dtype=torch.uint8)}, "images must have the shape"),
        ({"images": np.zeros((3, 1, 6, 8), np.uint8)}, "images must be a tensor"),
        ({"labels": torch.zeros(3, 2)}, "labels must hold int64"),
        ({"labels": torch.zeros(2, 2, dtype=torch.int64)}, r"labels .* \(3, most\)"),
        ({"labels": torch.tensor([[1, 0], [-1, -1], [2, -1]])}, "not 2 .image 2, object 0"),
        ({"labels": torch.tensor([[1, -2], [-1, -1], [0, -1]])}, "not -2 .image 0, object 1"),
        ({"labels": torch.tensor([[1, 0], [-1, 1], [0, -1]])}, "nan just where.*image 1, object 1"),
        ({"labels": torch.full((3, 2), -1)}, "nan just where.*image 0, object 0"),
        ({"class_names": ()}, "the 0 class_names"),
        ({"boxes": box(7, 5, 8, 6).double()}, "boxes must hold float32"),
        ({"boxes": box(7, 5, 8, 6)[:, :1]}, r"boxes must have the shape \(3, 2, 4\)"),
        ({"boxes": box(7, 5, 7, 6)}, "left < right.*image 2, object 0"),
        ({"boxes": box(7, 6, 8, 5)}, "top < bottom"),
        ({"boxes": box(7, NAN, 8, 6)}, "left < right"),
        ({"boxes": box(7, 5, 8.1, 6)}, "8 pixels wide and 6 high.*image 2, object 0"),
        ({"boxes": box(-0.1, 5, 8, 6)}, "must lie in the images"),
        ({"boxes": box(7, 5, 8, math.inf)}, "must lie in the images"),
        ({"left_out": torch.zeros(2, dtype=torch.int64)}, r"left_out must have the shape \(3\)"),
    ],
)
def test_fields_that_do_not_go_together(
    scenes: DetectionSet, change: dict[str, object], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in use, where nothing but the set itself looks at its fields.
    monkeypatch.setattr(config, "jaxtyping_disable", True)
    fields = {name: getattr(scenes, name) for name in DetectionSet.__dataclass_fields__}
    with pytest.raises((TypeError, ValueError), match=message):
        DetectionSet(**{**fields, **change})


def test_padding_to_the_most_of_one_image() -> None:
    one = torch.tensor([[0.0, 0, 1, 1]])
    boxes, labels = pad_objects(
        [one, one[:0], one.repeat(2, 1)],
        [torch.tensor([3]), torch.tensor([], dtype=torch.int64), torch.tensor([4, 5])],
    )
    assert labels.tolist() == [[3, -1], [-1, -1], [4, 5]]
    assert torch.equal(boxes.isnan().all(-1), labels < 0)
    boxes, labels = pad_objects([one[:0]], [torch.tensor([], dtype=torch.int64)])
    assert boxes.shape == (1, 0, 4)
    assert labels.shape == (1, 0)
