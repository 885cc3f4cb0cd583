"""The training loop: reproducible, resumable after a kill, honest when it fails."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import nn

import tutorial_vae as tv
from tutorial_vae import training
from tutorial_vae.files import unpacked_metadata
from tutorial_vae.objectives import ELBO
from tutorial_vae.training import DivergenceError

OBJECTIVES = {
    "BetaVAE": lambda: tv.BetaVAE(2.0),
    "AnnealedCapacity": lambda: tv.AnnealedCapacity(5.0, 100, gamma=10.0),
    "FreeBits": lambda: tv.FreeBits(0.5),
    "BetaTCVAE-weighted": lambda: tv.BetaTCVAE(4.0, images=200),
    "BetaTCVAE-stratified": lambda: tv.BetaTCVAE(4.0, images=200, estimator="stratified"),
    "DIPVAE-I": lambda: tv.DIPVAE("I", off_diagonal=2.0, diagonal=20.0),
    "DIPVAE-II": lambda: tv.DIPVAE("II", off_diagonal=2.0, diagonal=2.0),
    "FactorVAE": lambda: tv.FactorVAE(2, gamma=5.0, hidden=16),
    "IWAE": lambda: tv.IWAE(4),
}
"""Every objective, small, for a model of two latent dimensions and 200 images."""


def _images(n: int = 200, seed: int = 0) -> torch.Tensor:
    """Bright squares at random places: simple enough to learn in a few steps."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.zeros(n, 1, 16, 16, dtype=torch.uint8)
    for image, (row, column) in zip(
        images, torch.randint(0, 10, (n, 2), generator=generator), strict=True
    ):
        image[0, row : row + 6, column : column + 6] = 255
    return images


def _model(seed: int = 0) -> tv.VAE:
    torch.manual_seed(seed)
    return tv.VAE((1, 16, 16), 2, architecture="mlp")


def _fit(model: tv.VAE, images: torch.Tensor | None = None, **options) -> tv.History:
    options = {"steps": 60, "batch_size": 16, "device": "cpu", "progress": False} | options
    return tv.fit(model, _images() if images is None else images, **options)


def _same_weights(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


def test_training_raises_the_elbo_of_unseen_images() -> None:
    model, unseen = _model(), _images(seed=1)
    before = tv.evaluate(model, unseen, device="cpu")
    history = _fit(model, steps=300)
    after = tv.evaluate(model, unseen, device="cpu")
    assert after.elbo > before.elbo + 50
    assert after.kl > 1
    assert history.elbo[-1] > history.elbo[0]
    assert history.step == list(range(25, 301, 25))


def test_history_adds_up_and_becomes_a_table() -> None:
    history = _fit(_model(), steps=60)
    assert history.step == [25, 50, 60]
    frame = history.to_frame()
    assert list(frame.columns) == ["step", "elbo", "log_likelihood", "kl", "seconds"]
    assert (frame.elbo - (frame.log_likelihood - frame.kl)).abs().max() < 1e-3
    assert frame.seconds.is_monotonic_increasing


def test_same_seed_same_weights_other_seed_other_weights() -> None:
    one, two, three = _model(), _model(), _model()
    _fit(one, seed=1)
    _fit(two, seed=1)
    _fit(three, seed=2)
    assert _same_weights(one, two)
    assert not _same_weights(one, three)


def test_training_equals_the_loop_one_would_write_by_hand() -> None:
    model, by_hand = _model(), _model()
    _fit(model, steps=30, seed=3, lr=2e-3)
    images = _images()
    torch.manual_seed(3)
    optimiser = torch.optim.Adam(by_hand.parameters(), lr=2e-3, fused=True)
    permutation = torch.randperm(200)
    start = 0
    for _ in range(30):
        if start + 16 > 200:
            permutation, start = torch.randperm(200), 0
        x = images[permutation[start : start + 16]].float() / 255
        start += 16
        loss = -tv.elbo(by_hand, x).elbo.mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert _same_weights(model, by_hand)


def test_every_image_is_seen_once_an_epoch() -> None:
    seen: list[torch.Tensor] = []

    class Spy(tv.BetaVAE):
        def forward(self, model: tv.VAE, x: torch.Tensor) -> ELBO:
            seen.append((x.flatten(1) * 255).round().to(torch.uint8))
            return super().forward(model, x)

    numbered = torch.arange(64, dtype=torch.uint8).reshape(64, 1, 1, 1).expand(64, 1, 16, 16)
    _fit(_model(), numbered, objective=Spy(), steps=8, batch_size=16)
    for epoch in (torch.cat(seen[:4]), torch.cat(seen[4:])):
        assert sorted(epoch[:, 0].tolist()) == list(range(64))


def test_global_random_state_mode_and_device_are_left_alone() -> None:
    model = _model().eval()
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    _fit(model)
    tv.evaluate(model, _images(), device="cpu")
    assert torch.equal(torch.rand(3), expected)
    assert not model.training


class _NormalisedTwice(tv.VAE):
    """A model with batch normalisation of its own, the second time without weights."""

    def __init__(self) -> None:
        super().__init__((1, 16, 16), 2, architecture="mlp")
        self.encoder.dense1.append(nn.BatchNorm1d(400))
        self.encoder.dense1.append(nn.BatchNorm1d(400, affine=False))


def test_frozen_modules_stay_in_evaluation_mode() -> None:
    modes = {}

    class Spy(tv.BetaVAE):
        def forward(self, model: tv.VAE, x: torch.Tensor) -> ELBO:
            modes.update({name: module.training for name, module in model.named_modules()})
            return super().forward(model, x)

    model = _NormalisedTwice()
    model.encoder.dense1.requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    _fit(model, steps=2, objective=Spy())
    frozen = {name for name, training in modes.items() if not training}
    assert frozen == {name for name in modes if name.startswith("encoder.dense1")}
    moved = {name for name, value in model.state_dict().items() if (value != before[name]).any()}
    assert moved == {name for name in before if not name.startswith("encoder.dense1")}
    assert all(module.training for module in model.modules())
    model.requires_grad_(True)
    _fit(model, steps=2, objective=Spy())
    assert all(modes.values())
    assert model.encoder.dense1[3].num_batches_tracked == 2


def test_a_checkpoint_belongs_to_what_was_frozen(tmp_path: Path) -> None:
    checkpoint = tmp_path / "run"
    model = _model()
    model.encoder.requires_grad_(False)
    _fit(model, steps=25, checkpoint=checkpoint)
    with pytest.raises(ValueError, match=r"its frozen is \['encoder\.dense1"):
        _fit(_model(), steps=50, checkpoint=checkpoint)
    model.decoder.requires_grad_(False)
    model.encoder.requires_grad_(True)
    with pytest.raises(ValueError, match=r"not \['decoder\.dense1"):
        _fit(model, steps=50, checkpoint=checkpoint)


def test_image_sets_uint8_and_floats_train_alike() -> None:
    images = _images()
    as_set = tv.ImageSet(name="squares", images=images)
    one, two, three = _model(), _model(), _model()
    _fit(one, images)
    _fit(two, images.float() / 255)
    _fit(three, as_set)
    assert _same_weights(one, two)
    assert _same_weights(one, three)


def test_frozen_parameters_stay() -> None:
    model = _model()
    model.decoder.requires_grad_(requires_grad=False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    _fit(model)
    moved = {n for n, v in model.state_dict().items() if not torch.equal(v, before[n])}
    assert moved == {name for name in before if name.startswith("encoder")}


@pytest.mark.slow
def test_bf16_learns_about_as_well() -> None:
    full, half = _model(), _model()
    _fit(full, steps=300)
    _fit(half, steps=300, precision="bf16")
    assert next(half.parameters()).dtype == torch.float32
    unseen = _images(seed=1)
    # About 40 nats are between the two models and 60 between either and an untrained one.
    difference = tv.evaluate(full, unseen).elbo - tv.evaluate(half, unseen).elbo
    assert abs(difference) < 10


def test_stopped_and_resumed_run_is_bit_for_bit_the_same(tmp_path: Path) -> None:
    straight, first, second = _model(), _model(), _model(seed=9)
    whole = _fit(straight, steps=100, precision="bf16")
    _fit(first, steps=50, checkpoint=tmp_path / "run", precision="bf16")
    history = _fit(second, steps=100, checkpoint=tmp_path / "run", precision="bf16")
    assert _same_weights(straight, second)
    assert history.step == whole.step
    assert history.elbo == whole.elbo
    # Asking again for what is done changes nothing.
    third = _model(seed=4)
    _fit(third, steps=100, checkpoint=tmp_path / "run", precision="bf16")
    assert _same_weights(straight, third)


def _tied_model() -> tv.VAE:
    model = _model()
    model.encoder.log_var.weight = model.encoder.mean.weight
    return model


def test_one_weight_under_two_names_is_trained_stopped_and_resumed(tmp_path: Path) -> None:
    straight, resumed = _tied_model(), _tied_model()
    _fit(straight, steps=50)
    _fit(resumed, steps=25, checkpoint=tmp_path / "run")
    _fit(resumed, steps=50, checkpoint=tmp_path / "run")
    assert resumed.encoder.log_var.weight is resumed.encoder.mean.weight
    assert _same_weights(straight, resumed)
    with pytest.raises(ValueError, match=r"its tied is \{'encoder\.log_var\.weight'"):
        _fit(_model(), steps=50, checkpoint=tmp_path / "run")


def test_objectives_with_weights_of_their_own_resume_too(tmp_path: Path) -> None:
    class Scaled(tv.BetaVAE):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, model: tv.VAE, x: torch.Tensor) -> ELBO:
            self.calls += 1
            bound = super().forward(model, x)
            return bound._replace(elbo=bound.elbo - (self.scale - 2).square())

    straight = Scaled()
    _fit(_model(), objective=straight, steps=75)
    _fit(_model(), objective=Scaled(), steps=50, checkpoint=tmp_path / "run")
    resumed = Scaled()
    _fit(_model(), objective=resumed, steps=75, checkpoint=tmp_path / "run")
    assert straight.scale > 1.01
    assert torch.equal(straight.scale, resumed.scale)
    assert straight.calls == resumed.calls == 75


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["32", "bf16"])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_raises_the_elbo_and_resumes_bit_for_bit(
    tmp_path: Path, name: str, precision: str
) -> None:
    def objective() -> nn.Module:
        torch.manual_seed(1)
        return OBJECTIVES[name]()

    options = {"precision": precision}
    straight, whole = _model(), objective()
    history = _fit(straight, objective=whole, steps=75, **options)
    assert history.log_likelihood[-1] - history.kl[-1] > (
        history.log_likelihood[0] - history.kl[0] + 10
    )
    options |= {"checkpoint": tmp_path / "run"}
    _fit(_model(), objective=objective(), steps=25, **options)
    resumed, rest = _model(seed=9), OBJECTIVES[name]()
    again = _fit(resumed, objective=rest, steps=75, **options)
    assert _same_weights(straight, resumed)
    assert again.elbo[-1] == history.elbo[-1]
    for key, value in whole.state_dict().items():
        assert torch.equal(value, rest.state_dict()[key]), key


@pytest.mark.slow
def test_continuous_bernoulli_learns_in_both_precisions() -> None:
    images = (_images() // 2) + 64  # grey on grey: 64 and 191
    for precision in ("32", "bf16"):
        torch.manual_seed(0)
        model = tv.VAE((1, 16, 16), 2, architecture="mlp", likelihood="continuous_bernoulli")
        history = _fit(model, images, steps=200, precision=precision)
        assert history.elbo[-1] > history.elbo[0] + 10


_KILLED_RUN = """
import sys, torch
sys.path.insert(0, {tests!r})
from tutorial_vae import training
from test_training import _fit, _model
import tutorial_vae as tv
training.loop._SECONDS_BETWEEN_CHECKPOINTS = 0.0  # a kill then always falls close to a write
torch.set_num_threads(1)
model = _model()
_fit(model, steps=600, checkpoint={checkpoint!r})
tv.save_model(model, {result!r})
"""


@pytest.mark.slow
def test_run_killed_again_and_again_ends_with_the_same_weights(tmp_path: Path) -> None:
    straight = _model()
    _fit(straight, steps=600)
    checkpoint, result = tmp_path / "run.safetensors", tmp_path / "model.safetensors"
    script = textwrap.dedent(_KILLED_RUN).format(
        tests=str(Path(__file__).parent), checkpoint=str(checkpoint), result=str(result)
    )

    def step() -> int:
        if not checkpoint.exists():
            return -1
        with safe_open(checkpoint, framework="pt") as file:
            return unpacked_metadata(file.metadata())["step"]

    steps_at_kill = []
    for aim in (60, 240, 420):
        process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE)
        while step() < aim and process.poll() is None:
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        _, errors = process.communicate()
        assert process.returncode == -signal.SIGKILL, errors.decode()
        steps_at_kill.append(step())
    assert 0 < steps_at_kill[0] < steps_at_kill[1] < steps_at_kill[2] < 600
    subprocess.run([sys.executable, "-c", script], check=True)
    assert _same_weights(tv.load_model(result), straight)


class _Breaks(tv.BetaVAE):
    """An objective that goes wrong at one step."""

    def __init__(self, at: int, value: float) -> None:
        super().__init__()
        self.at, self.value, self.calls = at, value, 0

    def forward(self, model: tv.VAE, x: torch.Tensor) -> ELBO:
        self.calls += 1
        bound = super().forward(model, x)
        if self.calls == self.at:
            bound = bound._replace(elbo=bound.elbo * self.value)
        return bound


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e9])
def test_divergence_names_its_step_and_keeps_the_last_good_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    monkeypatch.setattr(training.loop, "_SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    checkpoint = tmp_path / "run"
    with pytest.raises(DivergenceError, match=r"at step 58\b"):
        _fit(_model(), objective=_Breaks(58, value), steps=100, checkpoint=checkpoint)
    good = _model()
    _fit(good, objective=_Breaks(1000, value), steps=50)
    after = _model(seed=5)
    _fit(after, objective=_Breaks(1000, value), steps=50, checkpoint=checkpoint)
    assert _same_weights(after, good)


def test_weights_that_break_after_a_good_loss_are_found(tmp_path: Path) -> None:
    class BadGradient(tv.BetaVAE):
        def forward(self, model: tv.VAE, x: torch.Tensor) -> ELBO:
            bound = super().forward(model, x)
            # The square root's slope at zero is infinite, and zero times infinity is NaN.
            return bound._replace(elbo=bound.elbo + 0 * (model.encoder.mean.bias * 0).sum().sqrt())

    with pytest.raises(DivergenceError, match="not finite"):
        _fit(_model(), objective=BadGradient(), steps=1, checkpoint=tmp_path / "run")


def test_checkpoints_of_other_runs_and_other_files_are_refused(tmp_path: Path) -> None:
    checkpoint = tmp_path / "run"
    _fit(_model(), steps=50, checkpoint=checkpoint)
    before = checkpoint.read_bytes()
    for options, name in [
        ({"lr": 1e-2}, "lr"),
        ({"seed": 1}, "seed"),
        ({"batch_size": 8}, "batch_size"),
        ({"objective": tv.BetaVAE(2.0)}, "objective"),
        ({"objective": tv.IWAE(2)}, "objective"),
        ({"images": _images(seed=1)}, "images"),
    ]:
        with pytest.raises(ValueError, match=rf"belongs to another run: its {name}"):
            _fit(_model(), **({"steps": 100, "checkpoint": checkpoint} | options))
    with pytest.raises(ValueError, match="its model"):
        _fit(tv.VAE((1, 16, 16), 3, architecture="mlp"), steps=100, checkpoint=checkpoint)
    with pytest.raises(ValueError, match="already at step 50"):
        _fit(_model(), steps=40, checkpoint=checkpoint)
    assert checkpoint.read_bytes() == before
    tv.save_model(_model(), tmp_path / "model")
    with pytest.raises(ValueError, match=r"not written by tutorial_vae\.fit"):
        _fit(_model(), checkpoint=tmp_path / "model")
    checkpoint.write_bytes(before[: len(before) // 2])
    with pytest.raises(ValueError, match="damaged or no checkpoint"):
        _fit(_model(), checkpoint=checkpoint)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        _fit(_model(), checkpoint=tmp_path / "nowhere" / "run")


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"steps": 0}, "steps"),
        ({"batch_size": 0}, "batch_size"),
        ({"lr": 0.0}, "lr"),
        ({"lr": float("nan")}, "lr"),
        ({"seed": -1}, "seed"),
        ({"precision": "fp8"}, "precision"),
        ({"device": "abacus"}, "device"),
        ({"device": "cuda:99"}, "device"),
        ({"images": torch.zeros(0, 1, 16, 16, dtype=torch.uint8)}, "images"),
        ({"images": torch.zeros(4, 1, 16, 16, dtype=torch.int32)}, "images"),
        ({"images": torch.full((4, 1, 16, 16), 2.0)}, "images"),
        ({"images": torch.full((4, 1, 16, 16), float("nan"))}, "images"),
        ({"images": torch.zeros(4, 3, 16, 16, dtype=torch.uint8)}, "images"),
    ],
)
def test_bad_arguments_are_named(options: dict, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        _fit(_model(), **options)


def test_fewer_images_than_a_batch_are_all_used() -> None:
    model = _model()
    _fit(model, _images(5), steps=3, batch_size=64)
    assert not _same_weights(model, _model())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("precision", ["32", "bf16"])
def test_cuda_learns_as_the_cpu_does(precision: str, tmp_path: Path) -> None:
    on_cpu, on_gpu = _model(), _model()
    _fit(on_cpu, steps=300)
    _fit(on_gpu, steps=150, device="cuda", precision=precision, checkpoint=tmp_path / "run")
    _fit(on_gpu, steps=300, device="cuda", precision=precision, checkpoint=tmp_path / "run")
    assert next(on_gpu.parameters()).device.type == "cpu"
    unseen = _images(seed=1)
    assert abs(tv.evaluate(on_cpu, unseen).elbo - tv.evaluate(on_gpu, unseen).elbo) < 10


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("precision", ["32", "bf16"])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_learns_and_resumes_on_cuda(
    name: str, precision: str, tmp_path: Path
) -> None:
    options = {"device": "cuda", "precision": precision}

    def objective() -> nn.Module:
        torch.manual_seed(1)
        return OBJECTIVES[name]()

    straight, resumed = _model(), _model(seed=9)
    history = _fit(straight, objective=objective(), steps=150, **options)
    assert history.log_likelihood[-1] - history.kl[-1] > (
        history.log_likelihood[0] - history.kl[0] + 10
    )
    options["checkpoint"] = tmp_path / "run"
    _fit(_model(), objective=objective(), steps=60, **options)
    _fit(resumed, objective=objective(), steps=150, **options)
    assert _same_weights(straight, resumed)
