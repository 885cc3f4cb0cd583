"""Free bits, against the ELBO and a hand-made penalty."""

import pytest
import torch

import tutorial_vae as tv


def _model_and_images() -> tuple[tv.VAE, torch.Tensor]:
    """A model whose posteriors have the KL 0.5 and 2 nats in its two latent dimensions."""
    torch.manual_seed(0)
    model = tv.VAE((1, 16, 16), 2, architecture="linear").double()
    with torch.no_grad():
        for head in (model.encoder.mean, model.encoder.log_var):
            head.weight.zero_()
            head.bias.zero_()
        model.encoder.mean.bias.copy_(torch.tensor([1.0, 2.0]))
    return model, torch.rand(5, 1, 16, 16).double()


@pytest.mark.parametrize(
    ("free_nats", "penalty"), [(0.0, 2.5), (0.5, 2.5), (1.0, 3.0), (2.0, 4.0), (3.0, 6.0)]
)
def test_each_dimension_costs_at_least_the_free_nats(free_nats: float, penalty: float) -> None:
    model, x = _model_and_images()
    result = tv.FreeBits(free_nats)(model, x)
    expected = torch.full_like(result.elbo, penalty)
    torch.testing.assert_close(result.log_likelihood - result.elbo, expected)
    torch.testing.assert_close(result.kl, torch.full_like(result.kl, 2.5))


def test_only_dimensions_above_the_minimum_are_pulled_to_the_prior() -> None:
    model, x = _model_and_images()
    result = tv.FreeBits(1.0)(model, x)
    (result.elbo - result.log_likelihood).mean().backward()
    # The KL's slope in the mean is the mean itself.
    torch.testing.assert_close(
        model.encoder.mean.bias.grad, torch.tensor([0.0, -2.0], dtype=torch.float64)
    )


def test_the_batch_is_averaged_before_the_maximum() -> None:
    torch.manual_seed(0)
    model = tv.VAE((1, 1, 2), 1, architecture="linear").double()
    with torch.no_grad():
        model.encoder.mean.weight.copy_(torch.tensor([[2.0, 0.0]]))
        model.encoder.mean.bias.zero_()
        model.encoder.log_var.weight.zero_()
        model.encoder.log_var.bias.zero_()
    x = torch.zeros(2, 1, 1, 2, dtype=torch.float64)
    x[0, 0, 0, 0] = 1.0  # KL of 2 nats, and of 0 for the other image: 1 on average
    result = tv.FreeBits(0.75)(model, x)
    assert (result.log_likelihood - result.elbo).mean().item() == pytest.approx(1.0)
    assert result.elbo.mean().item() == pytest.approx(
        (result.log_likelihood - result.kl).mean().item()
    )
