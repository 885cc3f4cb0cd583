"""Size, channels and numbers of pixels."""

import numpy as np
import pytest
import torch

from tutorial_vae.data.pixels import floats_to_bytes, to_channels, to_square


def test_the_middle_square_is_kept() -> None:
    wide = torch.zeros(1, 1, 8, 12, dtype=torch.uint8)
    wide[..., 2:10] = 200
    assert (to_square(wide, 8) == 200).all()
    assert (to_square(wide.mT.contiguous(), 8) == 200).all()


def test_shrinking_averages() -> None:
    checks = torch.tensor([[0, 200], [200, 0]], dtype=torch.uint8).repeat(8, 8)
    assert (to_square(checks[None, None], 8)[..., 1:-1, 1:-1] == 100).all()


@pytest.mark.parametrize("size", [11, 23, 40])
def test_any_size_keeps_a_flat_picture_flat(size: int) -> None:
    flat = torch.full((3, 3, 16, 16), 77, dtype=torch.uint8)
    resized = to_square(flat, size)
    assert resized.shape == (3, 3, size, size)
    assert (resized == 77).all()


def test_shrinking_is_antialiased() -> None:
    # One dark column in three: plain sampling would show stripes, averaging shows grey.
    stripes = torch.full((1, 1, 60, 60), 240, dtype=torch.uint8)
    stripes[..., ::3] = 0
    small = to_square(stripes, 11)[..., 2:-2].float()
    assert (small - 160).abs().max() < 25


def test_channels() -> None:
    colour = torch.tensor([255, 0, 0], dtype=torch.uint8).view(1, 3, 1, 1)
    assert to_channels(colour, 1).item() == 76  # 0.299 of 255
    assert to_channels(colour, None) is colour
    grey = torch.full((2, 1, 2, 2), 9, dtype=torch.uint8)
    assert to_channels(grey, 3).shape == (2, 3, 2, 2)
    assert (to_channels(to_channels(grey, 3), 1) == 9).all()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([-1.0, 0.0, 1.0], [0, 128, 255]),
        ([0.0, 128.0, 255.0], [0, 128, 255]),
        ([0.0, 1.00001], [0, 255]),
    ],
)
def test_real_numbers_by_their_range(values: list[float], expected: list[int]) -> None:
    assert floats_to_bytes(np.array(values), "x").tolist() == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [([0, 300.0], "0 to 300"), ([-3.0, 1], "-3 to 1"), ([0, np.nan], "NaN"), ([0, np.inf], "NaN")],
)
def test_real_numbers_of_no_known_range(values: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=f"mine.*{message}"):
        floats_to_bytes(np.array(values), "mine")
