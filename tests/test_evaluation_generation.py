"""The judge of pictures, and draws from fitted codes."""

import pytest
import torch

from tutorial_vae import evaluation, load_images


def test_the_judge_knows_real_images_repeated_ones_and_noise() -> None:
    digits, unseen = (load_images("digits", split, size=16) for split in ("train", "test"))
    judge = evaluation.Judge(digits, unseen)
    real = judge(unseen.images / 255)
    assert real.far == pytest.approx(0.05, abs=0.003)
    assert real.variety == pytest.approx(10, abs=0.2)
    again = judge(digits.images[:20] / 255)
    assert again.far == 0
    assert again.confidence > 0.8
    one = judge(digits.images[:1].expand(30, -1, -1, -1) / 255)
    assert one.variety == 1
    noise = judge(torch.rand(50, 1, 16, 16, generator=torch.Generator().manual_seed(0)))
    assert noise.far == 1
    assert noise.confidence < 0.4


def test_draws_from_the_fitted_normal_have_the_moments_of_the_codes() -> None:
    codes = torch.tensor([[1.0, 2.0], [3.0, -1.0], [0.5, 0.0], [2.0, 2.5]])
    generator = torch.Generator().manual_seed(0)
    drawn = evaluation.draw_from_fitted_normal(codes, 100_000, generator=generator)
    torch.testing.assert_close(drawn.mean(dim=0), codes.mean(dim=0), atol=0.03, rtol=0)
    torch.testing.assert_close(torch.cov(drawn.T), torch.cov(codes.T), atol=0.05, rtol=0)
