"""The images of a card, prepared once: the split, the classes, and what needs no network."""

import numpy as np
import pytest
import torch

from tutorial_vae.data import ImageSet
from tutorial_vae.transfer.target import Target


def squares(n: int = 50, labels: torch.Tensor | None = None) -> ImageSet:
    """Grey squares, each of one brightness: one component says all of them."""
    levels = torch.arange(n, dtype=torch.uint8).view(n, 1, 1, 1) * 5
    names = () if labels is None else tuple(map(str, range(10)))
    return ImageSet("squares", levels.expand(n, 1, 4, 4).clone(), labels=labels, class_names=names)


def test_a_fifth_is_held_out_and_nothing_is_on_both_sides() -> None:
    target = Target(squares(), components=2, seed=1)
    parts = [{int(x[0, 0, 0]) for x in part.images} for part in (target.kept, target.held_out)]
    assert (len(parts[0]), len(parts[1])) == (40, 10)
    assert not parts[0] & parts[1]
    other = Target(squares(), components=2, seed=2)
    assert not torch.equal(other.held_out.images, target.held_out.images)


def test_classes_are_numbered_without_gaps() -> None:
    labels = torch.tensor([7, 3, 9, 3, 7] * 10)
    target = Target(squares(labels=labels), components=2, seed=0)
    assert target.class_count == 3
    assert target.classes is not None
    assert target.classes[:5].tolist() == [1, 0, 2, 0, 1]
    assert Target(squares(), components=2, seed=0).class_count == 0


def test_controls_are_the_pixels_and_their_components() -> None:
    target = Target(squares(), components=1, seed=0)
    assert target.controls["pixels"] is target.pixels
    assert target.pixels.max() == pytest.approx(49 * 5 / 255)
    one = target.controls["pca"][:, 0]
    assert abs(np.corrcoef(one, target.pixels[:, 0])[0, 1]) == pytest.approx(1)
    seen = target.kept.images.float().mean() / 255
    blank = (target.held_out.images[:, 0, 0, 0].float() / 255 - seen).square()
    np.testing.assert_allclose(target.control_errors["mean image"], blank, rtol=1e-4)
    np.testing.assert_allclose(target.control_errors["pca"], 0, atol=1e-9)


def test_where_all_that_is_seen_is_one_image_the_only_component_is_the_mean() -> None:
    images = torch.zeros(20, 1, 4, 4, dtype=torch.uint8)
    target = Target(ImageSet("black", images), components=2, seed=0)
    images[target._unseen] = 255
    target = Target(ImageSet("black", images), components=2, seed=0)
    assert target.control_errors["pca"].tolist() == [1.0] * 4
