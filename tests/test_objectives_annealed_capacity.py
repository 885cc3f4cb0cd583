"""Annealed capacity, against its schedule and a hand-made penalty."""

import pytest
import torch

import tutorial_vae as tv


@pytest.mark.parametrize(("step", "capacity"), [(0, 0.0), (10, 10.0), (100, 100.0), (101, 100.0)])
def test_capacity_rises_as_in_disentanglement_lib(step: int, capacity: float) -> None:
    objective = tv.AnnealedCapacity(100.0, 100)
    objective.step.fill_(step)
    assert objective.current_capacity().item() == pytest.approx(capacity)


def _model_and_images() -> tuple[tv.VAE, torch.Tensor]:
    torch.manual_seed(0)
    return tv.VAE((1, 16, 16), 3, architecture="mlp").double(), torch.rand(5, 1, 16, 16).double()


def test_capacity_at_the_kl_costs_nothing() -> None:
    model, x = _model_and_images()
    kl = tv.elbo(model, x).kl.mean().item()
    objective = tv.AnnealedCapacity(kl, 1)
    objective.step.fill_(1)
    result = objective(model, x)
    # The schedule is single precision and gamma is 1000.
    torch.testing.assert_close(result.elbo, result.log_likelihood, atol=1e-3, rtol=0)


@pytest.mark.parametrize("distance", [-2.0, 3.0])
def test_capacity_costs_its_distance_from_the_mean_kl(distance: float) -> None:
    model, x = _model_and_images()
    kl = tv.elbo(model, x).kl.mean().item()
    objective = tv.AnnealedCapacity(max(kl + distance, 0.0), 1, gamma=7.0)
    objective.step.fill_(1)
    result = objective(model, x)
    expected = torch.full_like(result.elbo, 7.0 * min(abs(distance), kl + max(distance, 0.0)))
    torch.testing.assert_close(result.log_likelihood - result.elbo, expected, atol=1e-4, rtol=0)


def test_steps_count_in_training_only_and_travel_with_the_state() -> None:
    model, x = _model_and_images()
    objective = tv.AnnealedCapacity(10.0, 5)
    for _ in range(3):
        objective(model, x)
    objective.eval()
    objective(model, x)
    assert objective.step == 3
    again = tv.AnnealedCapacity(10.0, 5)
    again.load_state_dict(objective.state_dict())
    assert again.current_capacity().item() == pytest.approx(6.0)
    assert repr(again) == repr(tv.AnnealedCapacity(10.0, 5))
