"""Backbones give features of one shape, whatever they are made of."""

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import tutorial_vae as tv
from tutorial_vae.adaptation.backbones import Backbone, ConvBackbone, ResNet18Backbone, VAEBackbone
from tutorial_vae.data.torchvision_import import import_torchvision


def _vae(shape: tuple[int, int, int] = (1, 32, 32)) -> tv.VAE:
    torch.manual_seed(3)
    return tv.VAE(shape)


def test_vae_backbone_gives_what_the_latent_heads_read() -> None:
    vae, x = _vae(), torch.rand(5, 1, 32, 32)
    read = []
    vae.encoder.get_submodule("mean").register_forward_pre_hook(lambda _, given: read.append(given))
    backbone = VAEBackbone(vae)
    vae.encode(x)
    assert torch.equal(backbone(x), read[0][0])
    assert backbone.feature_dim == 256


def test_vae_backbone_is_a_copy() -> None:
    vae = _vae()
    backbone = VAEBackbone(vae)
    with torch.no_grad():
        for parameter in backbone.parameters():
            parameter.zero_()
    assert all(value.abs().sum() > 0 for value in vae.encoder.parameters())


def test_vae_backbone_needs_convolutions() -> None:
    with pytest.raises(ValueError, match="architecture 'mlp'"):
        VAEBackbone(tv.VAE((1, 32, 32), architecture="mlp"))


@pytest.mark.parametrize(
    "backbone",
    [
        VAEBackbone(_vae()),
        VAEBackbone(_vae((3, 48, 32))),
        ConvBackbone((1, 32, 32)),
        ConvBackbone((2, 9, 20)),
        ResNet18Backbone((1, 32, 32)),
        ResNet18Backbone((3, 64, 40)),
    ],
    ids=lambda backbone: f"{type(backbone).__name__}-{backbone.image_shape}",
)
def test_every_backbone_has_stages_in_order_and_features_that_gradients_reach(
    backbone: Backbone,
) -> None:
    seen: list[str] = []
    for name in backbone.stages:

        def note(_: object, __: object, maps: torch.Tensor, name: str = name) -> None:
            seen.append(name)
            assert maps.ndim == 4
            assert len(maps) == 4

        backbone.get_submodule(name).register_forward_hook(note)
    x = torch.rand(4, *backbone.image_shape)
    features = backbone(x)
    assert features.shape == (4, backbone.feature_dim)
    assert seen == list(backbone.stages)
    features.square().sum().backward()
    assert all(value.grad is not None for value in backbone.parameters())


@pytest.mark.parametrize("make", [ConvBackbone, ResNet18Backbone])
def test_sides_that_are_too_short_are_refused(make: type[Backbone]) -> None:
    with pytest.raises(ValueError, match="image_shape must have"):
        make((1, 32, 7))


def test_resnet_reads_torchvision_weights_from_both_kinds_of_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    original = import_torchvision().models.resnet18().eval()
    torch.save(original.state_dict(), tmp_path / "weights.pth")
    save_file(original.state_dict(), tmp_path / "weights.safetensors")
    x = torch.rand(2, 3, 32, 32)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    expected = original((x - mean) / deviation)
    for file in ("weights.pth", "weights.safetensors"):
        backbone = ResNet18Backbone((3, 32, 32), weights=tmp_path / file).eval()
        logits = original.fc(backbone(x))
        torch.testing.assert_close(logits, expected)


def test_resnet_reads_grey_images_as_three_equal_channels() -> None:
    torch.manual_seed(0)
    grey = ResNet18Backbone((1, 32, 32)).eval()
    colour = ResNet18Backbone((3, 32, 32)).eval()
    colour.load_state_dict(grey.state_dict())
    x = torch.rand(2, 1, 32, 32)
    assert torch.equal(grey(x), colour(x.repeat(1, 3, 1, 1)))


class _Code:
    """Something that runs code when it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("code-was-run"),))


def test_weights_that_are_none_are_refused_and_never_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("code.pth").write_bytes(pickle.dumps(_Code()))
    torch.save({"a": torch.ones(1)}, "other.pth")
    Path("cut.safetensors").write_bytes(b"\x10\0\0")
    Path("empty.pth").write_bytes(b"")
    for name in ("code.pth", "other.pth", "cut.safetensors", "empty.pth"):
        with pytest.raises(ValueError, match=f"{name} does not hold weights"):
            ResNet18Backbone((3, 32, 32), weights=name)
    assert not Path("code-was-run").exists()
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pth"):
        ResNet18Backbone((3, 32, 32), weights="nowhere.pth")


def test_a_backbone_without_forward_says_so() -> None:
    class Unfinished(Backbone):
        pass

    with pytest.raises(NotImplementedError, match="Unfinished has no forward"):
        Unfinished()(torch.rand(1, 1, 8, 8))
