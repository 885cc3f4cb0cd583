"""Scenes of solids and sprites: boxes that fit, scenes that come again, wrong arguments."""

import statistics

import pytest
import torch

from tutorial_vae.detection import DetectionSet, render_scenes
from tutorial_vae.detection.scenes import CLASS_NAMES, GROUND, MOST


@pytest.fixture(scope="module")
def scenes() -> DetectionSet:
    return render_scenes(count=200, seed=5)


def test_every_number_of_things_and_every_class_occurs(scenes: DetectionSet) -> None:
    assert scenes.image_shape == (1, 64, 64)
    assert scenes.class_names == CLASS_NAMES
    assert len(CLASS_NAMES) == 10
    assert (scenes.labels >= 0).sum(1).unique().tolist() == list(range(1, MOST + 1))
    assert scenes.labels.unique().tolist() == list(range(-1, 10))


@pytest.mark.parametrize("size", [32, 45, 64])
def test_boxes_are_tight_around_their_pixels(size: int) -> None:
    scenes = render_scenes(count=100, size=size)
    for place in range(len(scenes)):
        image, boxes, _ = scenes[place]
        bright = image[0] > GROUND
        for left, top, right, bottom in boxes.long().tolist():
            own = bright[top:bottom, left:right]
            assert own[0].any()
            assert own[-1].any()
            assert own[:, 0].any()
            assert own[:, -1].any()
            # One pixel further there is nothing but ground, and nothing of another thing.
            around = bright[max(top - 1, 0) : bottom + 1, max(left - 1, 0) : right + 1]
            assert around.sum() == own.sum()
            bright[top:bottom, left:right] = False
        assert not bright.any()


def test_the_ground_is_dark_and_noisy(scenes: DetectionSet) -> None:
    ground = scenes.images[scenes.images <= GROUND].float()
    assert ground.mean().item() == pytest.approx(GROUND / 2, abs=0.2)
    assert ground.std() > 5
    assert scenes.images.amax() > 200


def test_sprites_are_flat_and_solids_are_shaded(scenes: DetectionSet) -> None:
    shades: dict[str, list[int]] = {name: [] for name in CLASS_NAMES}
    for place in range(len(scenes)):
        image, boxes, labels = scenes[place]
        for (left, top, right, bottom), label in zip(
            boxes.long().tolist(), labels.tolist(), strict=True
        ):
            own = image[0, top:bottom, left:right]
            shades[CLASS_NAMES[label]].append(own[own > GROUND].unique().numel())
    for name in ("square", "ellipse", "heart"):
        assert set(shades[name]) == {1}
    for name in ("cone", "sphere", "cube"):
        assert statistics.median(shades[name]) > 5


def test_scenes_come_again_and_parts_and_seeds_differ() -> None:
    first, again = (render_scenes(count=5, size=32, seed=1) for _ in range(2))
    assert torch.equal(first.images, again.images)
    assert torch.equal(first.labels, again.labels)
    for other in (render_scenes("test", count=5, size=32, seed=1), render_scenes(count=5, size=32)):
        assert not any(torch.equal(one, two) for one in first.images for two in other.images)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "count must be .* not 0"),
        ({"count": True}, "count must be .* not True"),
        ({"count": 3, "size": 31}, "size must be at least 32 pixels for scenes, not 31"),
        ({"count": 3, "seed": -1}, "seed must be .* not -1"),
        ({"count": 3, "split": "validation"}, "split must be 'train' or 'test'"),
    ],
)
def test_wrong_arguments_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        render_scenes(**options)
