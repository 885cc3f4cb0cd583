"""Retraining after a plan: exactly which tensors move, from which start, and what stands still."""

import copy

import pytest
import torch
from torch import nn

from tutorial_vae import PLANS, VAE, Plan, retrain
from tutorial_vae.devices import own_random_state
from tutorial_vae.transfer.retraining import FRESH_SEED

ARCHITECTURES = ("conv", "mlp", "linear")


def images(*shape: int, n: int = 24) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randint(0, 256, (n, *shape), dtype=torch.uint8, generator=generator)


def source(architecture: str = "mlp", likelihood: str = "gaussian") -> VAE:
    torch.manual_seed(11)
    return VAE((1, 16, 16), 3, architecture=architecture, likelihood=likelihood).eval()


def after(model: VAE, plan: Plan | str, pixels: torch.Tensor | None = None, **options):
    options = {"steps": 1, "batch_size": 8, "device": "cpu", "progress": False} | options
    return retrain(model, images(1, 16, 16) if pixels is None else pixels, plan, **options)


def changed(before: VAE, later: VAE) -> set[str]:
    """Entries of ``state_dict`` that are not the same bit for bit."""
    old, new = before.state_dict(), later.state_dict()
    assert old.keys() == new.keys()
    return {name for name in old if not torch.equal(old[name], new[name])}


def under(model: VAE, *prefixes: str) -> set[str]:
    return {name for name in model.state_dict() if name.startswith(prefixes)}


HEADS = ("encoder.mean.", "encoder.log_var.")
SCALE = "log_scale"
MOVED = {
    "frozen": (),
    "heads": HEADS,
    "decoder": ("decoder.", SCALE),
    "encoder": ("encoder.",),
    "decoder-reset": ("decoder.", SCALE),
    "encoder-reset": ("encoder.",),
    "all": ("encoder.", "decoder.", SCALE),
    "scratch": ("encoder.", "decoder.", SCALE),
    "new-ends": ("encoder.", "decoder.", SCALE),
}
"""What the name of each plan promises to move, as prefixes; one depends on the architecture."""
FIRST_DECODER_LAYER = {
    "conv": ("decoder.dense1.",),
    "mlp": ("decoder.dense1.",),
    "linear": ("decoder.pixels.", SCALE),
}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("plan", PLANS)
def test_exactly_the_tensors_of_the_plan_move(plan: str, architecture: str) -> None:
    model = source(architecture)
    original = copy.deepcopy(model)
    result = after(model, plan)
    moved = MOVED.get(plan) or (
        () if plan == "frozen" else HEADS + FIRST_DECODER_LAYER[architecture]
    )
    expected = under(model, *moved) if moved else set()
    assert changed(model, result.model) == expected == set(result.trained)
    assert not changed(original, model)
    sizes = {name: value.numel() for name, value in model.named_parameters()}
    assert result.trained_parameters == sum(sizes[name] for name in expected)
    assert result.parameters == sum(sizes.values())
    assert result.plan is PLANS[plan]
    assert result.reset == PLANS[plan].reset_layers(model)
    assert len(result.history) == (0 if plan == "frozen" else 1)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("plan", PLANS)
def test_fresh_layers_start_from_weights_of_the_seed_and_the_others_from_the_source(
    plan: str, architecture: str
) -> None:
    model = source(architecture)
    with own_random_state(torch.device("cpu"), FRESH_SEED + 3):
        untrained = VAE((1, 16, 16), 3, architecture=architecture, likelihood="gaussian")
    fresh = PLANS[plan].reset_entries(model)
    # One step of so small a size leaves every weight within rounding of its start.
    result = after(model, plan, seed=3, lr=1e-12).model.state_dict()
    for name, value in model.state_dict().items():
        start = untrained.state_dict()[name] if name in fresh else value
        torch.testing.assert_close(result[name], start, rtol=0, atol=1e-6)
    if plan == "scratch":
        assert fresh == set(model.state_dict())


def test_fresh_weights_are_not_those_that_a_source_of_the_same_seed_began_with() -> None:
    torch.manual_seed(7)
    began = VAE((1, 16, 16), 3, likelihood="gaussian")
    began_with = dict(began.named_parameters())
    again = after(began, "scratch", seed=7, lr=1e-12).model
    for name, value in again.named_parameters():
        if value.ndim > 1:
            assert (value - began_with[name]).abs().mean() > 0.01


def test_after_one_step_fresh_layers_are_far_from_the_source() -> None:
    model = source()
    tuned, fresh = (after(model, plan).model for plan in ("decoder", "decoder-reset"))
    for name, value in model.named_parameters():
        if name.startswith("decoder."):
            near = (tuned.get_parameter(name) - value).abs().mean()
            far = (fresh.get_parameter(name) - value).abs().mean()
            assert far > 5 * near > 0


def test_gradients_mode_device_and_random_state_are_as_before() -> None:
    for training in (False, True):
        model = source().train(training)
        torch.manual_seed(1)
        expected = torch.rand(2)
        torch.manual_seed(1)
        for plan in PLANS:
            result = after(model, plan).model
            assert all(parameter.requires_grad for parameter in result.parameters())
            assert {module.training for module in result.modules()} == {training}
        assert torch.equal(torch.rand(2), expected)


def test_a_source_that_was_frozen_by_hand_is_trained_as_the_plan_says() -> None:
    model = source().requires_grad_(False)
    result = after(model, "all")
    assert changed(model, result.model) == set(model.state_dict())
    assert not any(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("plan", ["encoder-reset", "scratch", "heads"])
def test_same_seed_same_result_other_seed_another(plan: str) -> None:
    model = source("conv")
    one, two = (after(model, plan, steps=3, seed=4).model for _ in range(2))
    other = after(model, plan, steps=3, seed=5).model
    assert not changed(one, two)
    assert changed(one, other) == set(PLANS[plan].trained(model))


@pytest.mark.parametrize("plan", ["heads-and-first-decoder-layer", "decoder-reset", "scratch"])
def test_a_stopped_run_with_fresh_layers_resumes_bit_for_bit(tmp_path, plan: str) -> None:
    model = source()
    straight = after(model, plan, steps=60)
    stopped = {"checkpoint": tmp_path / "run"}
    after(model, plan, steps=25, **stopped)
    resumed = after(model, plan, steps=60, **stopped)
    assert not changed(straight.model, resumed.model)
    assert resumed.history.elbo == straight.history.elbo
    with pytest.raises(ValueError, match="belongs to another run"):
        after(model, "encoder", steps=60, **stopped)


class Normalised(VAE):
    """A model with batch normalisation of its own, with and without weights."""

    def __init__(self) -> None:
        super().__init__((1, 16, 16), 3)
        self.encoder.conv1 = nn.Sequential(*self.encoder.conv1, nn.BatchNorm2d(32))
        self.encoder.conv2 = nn.Sequential(*self.encoder.conv2, nn.BatchNorm2d(32, affine=False))
        self.decoder.conv1 = nn.Sequential(*self.decoder.conv1, nn.BatchNorm2d(64, affine=False))
        self.encoder.dense = nn.Sequential(self.encoder.dense, nn.BatchNorm1d(256))


@pytest.mark.parametrize("plan", PLANS)
def test_batch_statistics_stand_still_exactly_where_a_plan_freezes(plan: str) -> None:
    torch.manual_seed(0)
    model = Normalised()
    result = after(model, plan)
    trained = tuple(f"{layer}." for layer in PLANS[plan].trained_layers(model))
    assert changed(model, result.model) == under(model, *trained)
    for layer in result.reset:
        if f"{layer}.2.num_batches_tracked" in model.state_dict():
            assert result.model.get_buffer(f"{layer}.2.num_batches_tracked") == 1


def test_a_plan_of_ones_own_by_layer_name() -> None:
    model = source("conv")
    plan = Plan("edges", train=("encoder.conv1", "decoder.conv4"), reset=("encoder.first",))
    result = after(model, plan)
    assert changed(model, result.model) == under(model, "encoder.conv1", "decoder.conv4", SCALE)
    assert result.reset == ("encoder.conv1",)
    rest = after(model, Plan("rest", freeze=("encoder", "decoder.dense2")))
    assert changed(model, rest.model) == under(model, "decoder.", SCALE) - under(
        model, "decoder.dense2"
    )


@pytest.mark.parametrize(
    ("architecture", "shape", "reset"),
    [
        ("conv", (3, 16, 16), ("encoder.conv1", "decoder.conv4")),
        ("conv", (1, 32, 16), ("encoder.dense", "decoder.dense2")),
        (
            "conv",
            (3, 32, 32),
            ("encoder.conv1", "encoder.dense", "decoder.dense2", "decoder.conv4"),
        ),
        ("mlp", (3, 16, 16), ("encoder.dense1", "decoder.pixels")),
        ("linear", (1, 20, 20), ("encoder.mean", "encoder.log_var", "decoder.pixels")),
    ],
)
def test_new_ends_inherit_all_that_fits_images_of_another_shape(architecture, shape, reset) -> None:
    model = source(architecture, "bernoulli")
    result = after(model, "new-ends", images(*shape), lr=1e-12)
    assert result.model.image_shape == shape
    assert result.reset == reset
    assert set(result.trained) == set(model.state_dict())
    for name, value in result.model.state_dict().items():
        if name.startswith(tuple(f"{layer}." for layer in reset)):
            old = model.state_dict()[name]
            assert value.shape != old.shape or not torch.allclose(value, old, atol=1e-3)
        else:
            torch.testing.assert_close(value, model.state_dict()[name], rtol=0, atol=1e-6)
    moved = after(model, "new-ends", images(*shape)).model
    assert changed(result.model, moved) == set(model.state_dict())


def test_images_of_the_models_shape_leave_new_ends_nothing_to_make() -> None:
    model = source()
    assert not changed(after(model, "new-ends").model, after(model, "all").model)


@pytest.mark.parametrize("plan", [name for name in PLANS if name != "new-ends"])
def test_another_shape_names_both_shapes_and_the_plan_that_would_work(plan: str) -> None:
    with pytest.raises(ValueError, match=r"\(3, 16, 16\).*\(1, 16, 16\).*'new-ends'"):
        after(source("conv"), plan, images(3, 16, 16))


def test_what_cannot_be_retrained_is_named() -> None:
    with pytest.raises(ValueError, match=r"no plan 'decodr' \(did you mean 'decoder'\?\).*scratch"):
        after(source(), "decodr")
    with pytest.raises(ValueError, match="lr must be"):
        after(source(), "heads", lr=-1.0)
    with pytest.raises(ValueError, match=r"layers of its own \(encoder\.conv1\.2"):
        after(Normalised(), "new-ends", images(3, 16, 16))
    with pytest.raises(ValueError, match=r"fresh weights to encoder\.conv1 without training"):
        after(source("conv"), Plan("x", train=("decoder",), new_ends=True), images(3, 16, 16))
    model = source()
    model.encoder.dense1.append(_Shift())
    with pytest.raises(
        ValueError, match=r"encoder\.dense1\.2\.shift cannot be drawn.*_Shift has no"
    ):
        after(model, "encoder-reset")


class _Shift(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(400))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.shift
