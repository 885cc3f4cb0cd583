"""Held-out measures, against values computed another way."""

import pytest
import torch

import tutorial_vae as tv


def test_evaluate_is_the_mean_elbo_with_its_standard_error() -> None:
    torch.manual_seed(0)
    model = tv.VAE((1, 16, 16), 3)
    images = torch.randint(0, 256, (70, 1, 16, 16), dtype=torch.uint8)
    result = tv.evaluate(model, images, batch_size=32, seed=4, device="cpu")
    torch.manual_seed(4)
    with torch.no_grad():
        parts = [tv.elbo(model, b.float() / 255) for b in images.split(32)]
    values = torch.cat([part.elbo for part in parts]).double()
    assert result.n == 70
    assert result.elbo == pytest.approx(values.mean().item(), abs=1e-6)
    assert result.standard_error == pytest.approx(values.std().item() / 70**0.5, abs=1e-6)
    assert result.elbo == pytest.approx(result.log_likelihood - result.kl, abs=1e-3)


def test_evaluate_repeats_itself_and_more_samples_change_little() -> None:
    torch.manual_seed(0)
    model = tv.VAE((1, 16, 16), 3)
    images = torch.randint(0, 256, (30, 1, 16, 16), dtype=torch.uint8)
    one = tv.evaluate(model, images, device="cpu")
    assert tv.evaluate(model, images, device="cpu") == one
    many = tv.evaluate(model, images, samples=20, device="cpu")
    assert many.kl == one.kl
    assert many.elbo == pytest.approx(one.elbo, abs=1.0)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"samples": 0}, "samples"),
        ({"batch_size": 0}, "batch_size"),
        ({"device": "abacus"}, "device"),
    ],
)
def test_bad_options_are_named(options: dict, name: str) -> None:
    images = torch.zeros(4, 1, 16, 16, dtype=torch.uint8)
    with pytest.raises(ValueError, match=name):
        tv.evaluate(tv.VAE((1, 16, 16), 2), images, **options)


def test_one_image_has_no_spread() -> None:
    with pytest.raises(ValueError, match="at least 2 images"):
        tv.evaluate(tv.VAE((1, 16, 16), 2), torch.zeros(1, 1, 16, 16, dtype=torch.uint8))
