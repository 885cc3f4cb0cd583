"""Digits and patches against the arrays that scikit-learn ships."""

import torch
from sklearn import datasets

from tutorial_vae.data import load_images


def test_digits_are_the_stored_ones_in_order() -> None:
    train, test = (load_images("digits", split, size=8) for split in ("train", "test"))
    assert (len(train), len(test)) == (1437, 360)
    stored = datasets.load_digits()
    assert train.labels is not None
    assert test.labels is not None
    assert torch.cat((train.labels, test.labels)).tolist() == stored.target.tolist()
    pixels = torch.cat((train.images, test.images))[:, 0].double() * (16 / 255)
    assert torch.equal(pixels.round(), torch.from_numpy(stored.images))
    assert train.class_names == tuple("0123456789")


def test_patches_are_crops_of_their_own_part() -> None:
    photographs = datasets.load_sample_images().images
    for split, columns in (("train", [(0, 240), (400, 640)]), ("test", [(240, 400)])):
        patches = load_images("patches", split, size=40, limit=6)
        assert patches.class_names == ("china", "flower")
        for image, label in patches:
            assert label is not None
            photograph = torch.tensor(photographs[label]).permute(2, 0, 1)
            places = photograph.unfold(1, 40, 1).unfold(2, 40, 1)
            found = (places[:, :, :, 0, 0] == image[:, 0, 0].view(3, 1, 1)).all(0).nonzero()
            lefts = [
                left for top, left in found.tolist() if torch.equal(places[:, top, left], image)
            ]
            assert len(lefts) == 1
            assert any(low <= lefts[0] and lefts[0] + 40 <= high for low, high in columns)
