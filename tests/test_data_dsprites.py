"""Sprites: the grid, its order, and what the pictures look like."""

import math

import pytest
import torch

from tutorial_vae.data import dsprites, load_images


def test_the_grid_is_the_published_one() -> None:
    assert dsprites.COUNT == 737_280
    assert [len(values) for values in dsprites.FACTOR_VALUES.values()] == [3, 6, 40, 32, 32]
    assert dsprites.FACTOR_VALUES["scale"] == pytest.approx((0.5, 0.6, 0.7, 0.8, 0.9, 1.0))
    assert dsprites.FACTOR_VALUES["orientation"][-1] == pytest.approx(2 * math.pi)
    assert dsprites.FACTOR_VALUES["position_x"][-1] == 1


def test_the_order_is_the_published_one() -> None:
    # Sizes of one step in shape, scale, orientation, x and y.
    bases = torch.tensor([245_760, 40_960, 1_024, 32, 1])
    numbers = torch.tensor([0, 31, 32, 1_024, 40_960, 245_760, 400_123, 737_279])
    factors = dsprites.factors_of(numbers)
    assert torch.equal((factors * bases).sum(1), numbers)
    assert torch.equal(dsprites.index_of(factors), numbers)
    assert factors[-1].tolist() == [2, 5, 39, 31, 31]


def test_any_number_gives_the_same_picture_alone_or_among_others() -> None:
    numbers = torch.randint(dsprites.COUNT, (700,), generator=torch.Generator().manual_seed(0))
    together = dsprites.render(numbers)
    assert together.shape == (700, 1, 64, 64)
    for place in (0, 255, 699):
        assert torch.equal(dsprites.render(numbers[place : place + 1])[0], together[place])


def test_pictures_are_black_or_white_and_never_cut() -> None:
    extremes = torch.cartesian_prod(
        torch.arange(3), torch.tensor([5]), torch.arange(40), *[torch.tensor([0, 31])] * 2
    )
    pictures = dsprites.render(dsprites.index_of(extremes))
    assert set(pictures.unique().tolist()) == {0, 255}
    border = torch.ones(64, 64, dtype=torch.bool)
    border[1:-1, 1:-1] = False
    assert not pictures[..., border].any()


def test_position_moves_the_sprite_by_whole_pixels() -> None:
    def at(x: int, y: int) -> torch.Tensor:
        return dsprites.render(dsprites.index_of(torch.tensor([[2, 3, 7, x, y]])))[0, 0]

    assert torch.equal(at(10, 4).roll(5, dims=1), at(15, 4))
    assert torch.equal(at(10, 4).roll(9, dims=0), at(10, 13))


def test_sizes_follow_the_scale() -> None:
    square = torch.tensor([[0, scale, 0, 16, 16] for scale in range(6)])
    white = (dsprites.render(dsprites.index_of(square)) > 0).sum((1, 2, 3))
    assert white.tolist() == [81, 121, 169, 225, 289, 361]


def test_a_full_turn_is_the_same_picture() -> None:
    shapes = torch.arange(3)
    pair = [
        dsprites.render(dsprites.index_of(torch.stack([shapes, shapes, turn, shapes, shapes], 1)))
        for turn in (torch.zeros(3, dtype=torch.int64), torch.full((3,), 39))
    ]
    assert torch.equal(*pair)


def test_the_heart_stands_upright_at_orientation_zero() -> None:
    heart = dsprites.render(dsprites.index_of(torch.tensor([[2, 5, 0, 16, 16]])))[0, 0] > 0
    assert torch.equal(heart[:, 1:], heart[:, 1:].flip(1))  # the centre is pixel 32
    rows = heart.any(1).nonzero()[:, 0]
    assert heart[rows[2]].sum() > 3 * heart[rows[-2]].sum()


def test_other_sizes() -> None:
    numbers = torch.tensor([0, 400_000])
    full = dsprites.render(numbers)
    half = dsprites.render(numbers, size=32)
    double = dsprites.render(numbers, size=128)
    assert half.shape == (2, 1, 32, 32)
    assert len(half.unique()) > 2
    assert set(double.unique().tolist()) == {0, 255}
    for other in (half, double):
        assert other.float().mean() == pytest.approx(full.float().mean().item(), rel=0.05)


def test_one_in_five_is_for_testing_and_orientations_stay_together() -> None:
    numbers = torch.arange(0, dsprites.COUNT, 7)
    assert dsprites.in_test(numbers).float().mean() == pytest.approx(0.2, abs=0.01)
    turned = torch.cartesian_prod(
        torch.tensor([1]), torch.tensor([2]), torch.arange(40), *[torch.arange(4)] * 2
    )
    side = dsprites.in_test(dsprites.index_of(turned)).view(40, 16)
    assert (side == side[0]).all()


def test_labels_are_shapes_and_factors_are_true() -> None:
    images = load_images("dsprites", "test", size=64, limit=20)
    assert images.factors is not None
    assert images.labels is not None
    assert images.class_names == ("square", "ellipse", "heart")
    assert torch.equal(images.labels, images.factors[:, 0])
    assert torch.equal(dsprites.render(dsprites.index_of(images.factors)), images.images)


@pytest.mark.parametrize("number", [-1, dsprites.COUNT])
def test_a_number_that_does_not_exist(number: int) -> None:
    with pytest.raises(ValueError, match=r"indices must lie in 0\.\.737279"):
        dsprites.render(torch.tensor([number]))


def test_a_factor_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match=r"scale must lie in 0\.\.5"):
        dsprites.index_of(torch.tensor([[0, 6, 0, 0, 0]]))
