"""The VAE's layers, distributions and files."""

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.distributions import Bernoulli, Independent, Normal

import tutorial_vae as tv
from tutorial_vae.files import packed_metadata
from tutorial_vae.likelihoods import ContinuousBernoulli
from tutorial_vae.models import (
    ARCHITECTURES,
    LIKELIHOODS,
    DenseDecoder,
    DenseEncoder,
    fresh_copy,
)

BASES = {
    "bernoulli": Bernoulli,
    "continuous_bernoulli": ContinuousBernoulli,
    "gaussian": Normal,
}

CONV_LAYERS = (
    *(f"encoder.conv{i}" for i in (1, 2, 3, 4)),
    "encoder.dense",
    "encoder.mean",
    "encoder.log_var",
    "decoder.dense1",
    "decoder.dense2",
    *(f"decoder.conv{i}" for i in (1, 2, 3, 4)),
)


def _shapes(model: tv.VAE, x: torch.Tensor) -> dict[str, tuple[int, ...]]:
    """Shape of each named layer's output, in the order in which the layers run."""
    seen: dict[str, tuple[int, ...]] = {}
    for name in model.layer_names:
        model.get_submodule(name).register_forward_hook(
            lambda _module, _inputs, output, name=name: seen.update({name: tuple(output.shape[1:])})
        )
    model(x)
    return seen


def test_conv_at_64_is_the_published_network() -> None:
    model = tv.VAE((3, 64, 64))
    seen = _shapes(model, torch.rand(2, 3, 64, 64))
    assert tuple(seen) == model.layer_names == CONV_LAYERS
    assert list(seen.values()) == [
        (32, 32, 32),
        (32, 16, 16),
        (64, 8, 8),
        (64, 4, 4),
        (256,),
        (10,),
        (10,),
        (256,),
        (1024,),
        (64, 8, 8),
        (32, 16, 16),
        (32, 32, 32),
        (3, 64, 64),
    ]
    kernels = [m.kernel_size for m in model.modules() if hasattr(m, "kernel_size")]
    assert kernels == [(4, 4), (4, 4), (2, 2), (2, 2), (4, 4), (4, 4), (4, 4), (4, 4)]
    # Counted by hand from the published layer sizes, biases included.
    encoder = 32 * (3 * 16 + 1) + 32 * (32 * 16 + 1) + 64 * (32 * 4 + 1) + 64 * (64 * 4 + 1)
    encoder += 256 * (1024 + 1) + 2 * 10 * (256 + 1)
    decoder = 256 * 11 + 1024 * 257 + 64 * (64 * 16 + 1) + 32 * (64 * 16 + 1)
    decoder += 32 * (32 * 16 + 1) + 3 * (32 * 16 + 1)
    assert sum(p.numel() for p in model.parameters()) == encoder + decoder


def test_conv_at_32_has_the_same_layers() -> None:
    model = tv.VAE((1, 32, 32), 4)
    seen = _shapes(model, torch.rand(2, 1, 32, 32))
    assert tuple(seen) == CONV_LAYERS
    assert seen["encoder.conv4"] == (64, 2, 2)
    assert seen["decoder.conv4"] == (1, 32, 32)


@pytest.mark.parametrize("architecture", ["conv", "mlp", "linear"])
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_every_kind_encodes_decodes_and_names_its_layers_in_order(
    architecture: str, likelihood: str, channels: int
) -> None:
    model = tv.VAE((channels, 16, 32), 5, architecture=architecture, likelihood=likelihood)
    x = torch.rand(3, channels, 16, 32)
    assert tuple(_shapes(model, x)) == model.layer_names
    ends = [name for name in model.layer_names if name.startswith("encoder")][-2:]
    assert ends == ["encoder.mean", "encoder.log_var"]
    posterior = model.encode(x)
    assert isinstance(posterior, Normal)
    assert posterior.mean.shape == (3, 5)
    distribution = model.decode(posterior.mean)
    assert isinstance(distribution, Independent)
    assert isinstance(distribution.base_dist, BASES[likelihood])
    assert distribution.mean.shape == x.shape
    assert distribution.log_prob(x).shape == (3,)
    assert model.reconstruct(x).shape == x.shape
    assert model.sample(4).shape == (4, channels, 16, 32)


def test_encoder_layers_come_after_their_rectifier_and_logits_do_not() -> None:
    torch.manual_seed(0)
    model = tv.VAE((1, 32, 32))
    smallest: dict[str, float] = {}
    for name in model.layer_names:
        model.get_submodule(name).register_forward_hook(
            lambda _m, _i, output, name=name: smallest.update({name: output.min().item()})
        )
    model(torch.rand(8, 1, 32, 32))
    signed = {name for name, value in smallest.items() if value < 0}
    assert signed == {"encoder.mean", "encoder.log_var", "decoder.conv4"}


def test_posterior_is_what_the_heads_say() -> None:
    torch.manual_seed(0)
    model = tv.VAE((1, 16, 16), 3)
    x = torch.rand(4, 1, 16, 16)
    mean, log_var = model.encoder(x)
    torch.testing.assert_close(model.encode(x).mean, mean)
    torch.testing.assert_close(model.encode(x).variance, log_var.exp())


def test_continuous_bernoulli_reconstructs_with_its_mean_and_is_a_density() -> None:
    torch.manual_seed(0)
    model = tv.VAE((1, 16, 16), 3, architecture="mlp", likelihood="continuous_bernoulli")
    x = torch.rand(4, 1, 16, 16)
    logits = model.decoder(model.encode(x).mean)
    torch.testing.assert_close(model.reconstruct(x), ContinuousBernoulli(logits).mean)
    assert not torch.allclose(model.reconstruct(x), logits.sigmoid(), atol=1e-3)
    # Logits near 0 are the uniform density, 0 nats, where the Bernoulli says ln 2 per pixel.
    assert model.decode(torch.zeros(1, 3)).log_prob(x[:1]).abs().item() < 3
    with torch.autocast("cpu", torch.bfloat16):
        likelihood = model.decode(torch.zeros(1, 3))
    assert likelihood.base_dist.logits.dtype == torch.float32
    assert likelihood.log_prob(x[:1]).abs().item() < 3


def test_sample_follows_its_generator() -> None:
    model = tv.VAE((1, 16, 16), 3)
    one = model.sample(2, generator=torch.Generator().manual_seed(5))
    two = model.sample(2, generator=torch.Generator().manual_seed(5))
    assert torch.equal(one, two)
    assert not torch.equal(one, model.sample(2, generator=torch.Generator().manual_seed(6)))


@pytest.mark.parametrize(
    ("arguments", "options", "name"),
    [
        (((1, 28, 28),), {}, "image_shape"),
        (((32, 32),), {}, "image_shape"),
        (((1, 0, 16),), {}, "image_shape"),
        (((1, 16, 16), 0), {}, "latent_dim"),
        (((1, 16, 16), 2.5), {}, "latent_dim"),
        (((1, 16, 16),), {"architecture": "resnet"}, "architecture"),
        (((1, 16, 16),), {"likelihood": "poisson"}, "likelihood"),
    ],
)
def test_bad_settings_are_named(arguments: tuple, options: dict, name: str) -> None:
    # Type errors are beartype's to find in tests; a user without it gets the ValueError.
    with pytest.raises(Exception, match=name):
        tv.VAE(*arguments, **options)


def test_bad_images_and_latents_are_named() -> None:
    model = tv.VAE((1, 16, 16), 3)
    with pytest.raises(ValueError, match=r"x must have the shape \(batch, 1, 16, 16\)"):
        model.encode(torch.rand(2, 3, 16, 16))
    with pytest.raises(ValueError, match=r"z must have the shape \(batch, 3\)"):
        model.decode(torch.zeros(2, 4))
    with pytest.raises(ValueError, match="n must be"):
        model.sample(0)


@pytest.mark.parametrize("architecture", ["conv", "mlp", "linear"])
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_saved_model_comes_back_the_same(
    tmp_path: Path, architecture: str, likelihood: str
) -> None:
    model = tv.VAE((1, 16, 16), 3, architecture=architecture, likelihood=likelihood)
    tv.save_model(model, tmp_path / "model.safetensors")
    again = tv.load_model(tmp_path / "model.safetensors")
    assert again.layer_names == model.layer_names
    assert again.likelihood == likelihood
    for name, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]


def test_weights_rounded_in_the_file_come_back_as_float32(tmp_path: Path) -> None:
    model = tv.VAE((1, 16, 16), 2)
    whole, half = tmp_path / "whole", tmp_path / "half"
    tv.save_model(model, whole)
    tv.save_model(model, half, dtype=torch.bfloat16)
    assert half.stat().st_size < 0.55 * whole.stat().st_size
    loaded = tv.load_model(half).state_dict()
    for name, value in model.state_dict().items():
        assert torch.equal(loaded[name], value.bfloat16().float())
    with pytest.raises(ValueError, match=r"floating type .* not torch\.int8"):
        tv.save_model(model, half, dtype=torch.int8)


class _Bomb:
    def __reduce__(self) -> tuple:
        return (Path.touch, (Path("bomb_went_off"),))


def test_files_that_are_no_models_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"missing\.safetensors"):
        tv.load_model("missing.safetensors")
    Path("bomb.pt").write_bytes(pickle.dumps(_Bomb()))
    with pytest.raises(ValueError, match=r"bomb\.pt is not a model"):
        tv.load_model("bomb.pt")
    assert not Path("bomb_went_off").exists()
    Path("empty").touch()
    with pytest.raises(ValueError, match="empty is not a model"):
        tv.load_model("empty")
    save_file({"w": torch.zeros(2)}, "foreign.safetensors")
    with pytest.raises(ValueError, match="not a model saved by tutorial_vae"):
        tv.load_model("foreign.safetensors")
    tv.save_model(tv.VAE((1, 16, 16), 2), "whole.safetensors")
    whole = Path("whole.safetensors").read_bytes()
    for length in (4, 100, len(whole) // 2, len(whole) - 1):
        Path("cut.safetensors").write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"cut\.safetensors"):
            tv.load_model("cut.safetensors")


def test_a_file_with_other_weights_than_it_says_is_refused(tmp_path: Path) -> None:
    settings = {
        "image_shape": [1, 16, 16],
        "latent_dim": 2,
        "architecture": "conv",
        "likelihood": "bernoulli",
    }
    metadata = packed_metadata({"format": "tutorial_vae model 1", "settings": settings})
    save_file({"w": torch.zeros(2)}, tmp_path / "odd.safetensors", metadata=metadata)
    with pytest.raises(ValueError, match="does not hold a whole model"):
        tv.load_model(tmp_path / "odd.safetensors")


def test_saving_into_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no_such_folder"):
        tv.save_model(tv.VAE((1, 16, 16), 2), tmp_path / "no_such_folder" / "model.safetensors")


def test_an_interrupted_save_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.safetensors"
    tv.save_model(tv.VAE((1, 16, 16), 2), path)
    before = path.read_bytes()

    def fail(_descriptor: int) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="the disk is full"):
        tv.save_model(tv.VAE((1, 16, 16), 4), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]


class Halves(nn.Module):
    """A decoder of somebody else."""

    def __init__(self, image_shape: tuple[int, int, int], latent_dim: int) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.first = nn.Linear(latent_dim, 8)
        self.second = nn.Linear(8, image_shape[1] * image_shape[2])

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(z)).unflatten(1, self.image_shape)


def test_networks_may_be_modules_or_classes_given_from_outside() -> None:
    shape = (1, 16, 16)
    module = DenseEncoder(shape, 3, 7)
    model = tv.VAE(shape, 3, encoder=module, decoder=Halves)
    assert model.encoder is module
    assert model.layer_names == (
        *("encoder.dense1", "encoder.mean", "encoder.log_var"),
        *("decoder.first", "decoder.second"),
    )
    assert model.architecture == "DenseEncoder and Halves"
    assert model(torch.rand(2, *shape)).mean.shape == (2, *shape)
    # The other network is still the architecture's.
    assert isinstance(tv.VAE(shape, 3, architecture="mlp", decoder=Halves).encoder, DenseEncoder)
    # Images that the convolutional encoder could not read are no matter to a decoder of one's own.
    odd = tv.VAE((1, 10, 12), 3, architecture="linear", decoder=Halves)
    assert odd.sample(2).shape == (2, 1, 10, 12)
    model.decoder = DenseDecoder(shape, 3, 5)
    assert model.layer_names[-2:] == ("decoder.dense1", "decoder.pixels")


def test_an_architecture_is_one_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ARCHITECTURES, "halves", (DenseEncoder, Halves))
    model = tv.VAE((1, 16, 16), 3, architecture="halves")
    tv.save_model(model, tmp_path / "model")
    again = tv.load_model(tmp_path / "model")
    assert isinstance(again.decoder, Halves)
    assert torch.equal(again.decoder.first.weight, model.decoder.first.weight)
    monkeypatch.delitem(ARCHITECTURES, "halves")
    with pytest.raises(
        ValueError, match=r"architecture must be one of .*not 'halves': .*add yours"
    ):
        tv.load_model(tmp_path / "model")


def test_networks_that_do_not_suit_the_model_are_named() -> None:
    shape = (1, 16, 16)
    x = torch.rand(2, *shape)
    with pytest.raises(ValueError, match=r"encoder must return .*\(batch, 3\), not \(2, 4\)"):
        tv.VAE(shape, 3, encoder=DenseEncoder(shape, 4)).encode(x)
    with pytest.raises(ValueError, match=r"decoder must return \(batch, 1, 16, 16\), not \(2, 3"):
        tv.VAE(shape, 3, decoder=DenseDecoder((3, 16, 16), 3)).decode(torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"decoder must be a torch module.* but it makes int"):
        tv.VAE(shape, 3, decoder=lambda image_shape, latent_dim: latent_dim)


@pytest.mark.parametrize("architecture", ["conv", "mlp", "linear"])
def test_a_fresh_copy_has_the_weights_that_a_model_made_anew_begins_with(architecture: str) -> None:
    options = {"architecture": architecture, "likelihood": "gaussian"}
    model = tv.VAE((1, 16, 16), 3, **options).eval().requires_grad_(False)
    with torch.no_grad():
        model.log_scale.fill_(3.0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(4)
    anew = tv.VAE((1, 16, 16), 3, **options).state_dict()
    torch.manual_seed(9)
    expected = torch.rand(2)
    torch.manual_seed(9)
    fresh = fresh_copy(model, 4)
    assert torch.equal(torch.rand(2), expected)
    assert all(torch.equal(value, anew[name]) for name, value in fresh.state_dict().items())
    assert all(parameter.requires_grad for parameter in fresh.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_fresh_copy_is_the_same_network_whatever_was_exchanged() -> None:
    model = tv.VAE((1, 16, 16), 3, architecture="mlp")
    model.decoder = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Linear(5, 256))
    model.decoder[1].running_mean.fill_(2.0)
    fresh = fresh_copy(model, 1)
    assert repr(fresh) == repr(model)
    assert not torch.equal(fresh.decoder[0].weight, model.decoder[0].weight)
    assert not fresh.decoder[1].running_mean.any()
    model.decoder.append(_Loose())
    with pytest.raises(ValueError, match=r"decoder\.3\.scale cannot be drawn anew, for _Loose"):
        fresh_copy(model)
    assert torch.equal(fresh_copy(model, entries={"decoder.0.weight"}).decoder[3].scale, _ONE)


_ONE = torch.ones(1)


class _Loose(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(_ONE.clone())


def test_a_model_that_could_not_be_loaded_is_not_saved(tmp_path: Path) -> None:
    model = tv.VAE((1, 16, 16), 3, architecture="mlp")
    model.decoder = DenseDecoder((1, 16, 16), 3, 7)
    with pytest.raises(ValueError, match=r"decoder\.dense1\.0\.weight.*ARCHITECTURES"):
        tv.save_model(model, tmp_path / "model")
    # The same names and shapes, but another function of the weights.
    model = tv.VAE((1, 16, 16), 3, architecture="mlp")
    model.encoder.dense1[1] = nn.Tanh()
    with pytest.raises(ValueError, match=r"layers of its own \(encoder\)"):
        tv.save_model(model, tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_a_model_with_a_network_of_its_own_is_saved_once_it_has_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tv.VAE((1, 16, 16), 3, architecture="mlp")
    model.decoder = DenseDecoder((1, 16, 16), 3, 7)
    small = (DenseEncoder, lambda shape, latent_dim: DenseDecoder(shape, latent_dim, 7))
    monkeypatch.setitem(ARCHITECTURES, "small", small)
    model.architecture = "small"
    tv.save_model(model, tmp_path / "model")
    again = tv.load_model(tmp_path / "model")
    assert torch.equal(again.decoder.pixels.weight, model.decoder.pixels.weight)


def test_one_weight_under_two_names_is_saved_once_and_tied_again(tmp_path: Path) -> None:
    model, apart = (tv.VAE((1, 16, 16), 3, architecture="linear") for _ in range(2))
    model.encoder.log_var.weight = model.encoder.mean.weight
    for name, each in (("tied", model), ("apart", apart)):
        tv.save_model(each, tmp_path / name)
    weight = 4 * model.encoder.mean.weight.numel()
    assert (tmp_path / "apart").stat().st_size - (tmp_path / "tied").stat().st_size > 0.9 * weight
    again = tv.load_model(tmp_path / "tied")
    assert again.encoder.log_var.weight is again.encoder.mean.weight
    for name, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)


def test_weights_that_share_memory_without_being_one_are_saved_apart(tmp_path: Path) -> None:
    model = tv.VAE((1, 16, 16), 3, architecture="linear")
    both = torch.rand(6, 256)
    model.encoder.mean.weight.data, model.encoder.log_var.weight.data = both[:3], both[3:]
    tv.save_model(model, tmp_path / "model")
    again = tv.load_model(tmp_path / "model")
    assert torch.equal(again.encoder.log_var.weight, both[3:])
