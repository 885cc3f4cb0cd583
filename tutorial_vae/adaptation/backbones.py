"""Backbones: what turns images into features, with one interface for every origin."""

import copy
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ..data.torchvision_import import import_torchvision
from ..models import VAE

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


class Backbone(nn.Module):
    """Maps images to features. A sub-class of your own gives these attributes and a ``forward``.

    Attributes:
        image_shape: channels, height and width of the images that it reads.
        feature_dim: how many features it returns for an image.
        stages: names of sub-modules, in the order in which an image passes them, whose outputs are
            feature maps (batch, channels, height, width).
    """

    image_shape: tuple[int, int, int]
    feature_dim: int
    stages: tuple[str, ...]

    def forward(
        self, x: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch features"]:
        """Return the features of images in [0, 1]."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")


class VAEBackbone(Backbone):
    """The encoder of a VAE up to its two latent heads, copied from a trained or a fresh model.

    Args:
        vae: the model. Its architecture is ``"conv"``: four convolutions and a dense layer, whose
            256 activations are the features.

    Raises:
        ValueError: the model has another architecture.
    """

    def __init__(self, vae: VAE) -> None:
        super().__init__()
        if vae.architecture != "conv":
            raise ValueError(
                f"vae has the architecture {vae.architecture!r}; a backbone needs 'conv', whose "
                "layers give feature maps"
            )
        self.image_shape = vae.image_shape
        self.stages = ("conv1", "conv2", "conv3", "conv4")
        for name in (*self.stages, "dense"):
            self.add_module(name, copy.deepcopy(vae.encoder.get_submodule(name)))
        self.feature_dim = vae.encoder.get_submodule("mean").in_features  # type: ignore[assignment]

    def forward(
        self, x: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch features"]:
        """Return the activations of the dense layer."""
        for name in self.stages:
            x = self.get_submodule(name)(x)
        return self.get_submodule("dense")(x.flatten(1))


class ConvBackbone(Backbone):
    """A small classifier's convolutions: three stages with batch normalisation, then an average.

    Each stage is a 3×3 convolution (32, 64 and 128 channels), batch normalisation, ReLU and a
    halving of the side; the features are the last stage's channel means.

    Args:
        image_shape: channels, height and width, sides of at least 8.

    Raises:
        ValueError: a side is too short.
    """

    def __init__(self, image_shape: Sequence[int]) -> None:
        super().__init__()
        channels, height, width = image_shape
        if min(height, width) < 8:
            raise ValueError(f"image_shape must have sides of at least 8, not {height}×{width}")
        self.image_shape = (channels, height, width)
        self.feature_dim = 128
        self.stages = ("stage1", "stage2", "stage3")
        before = channels
        for name, after in zip(self.stages, (32, 64, 128), strict=True):
            stage = nn.Sequential(
                nn.Conv2d(before, after, 3, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
                nn.MaxPool2d(2),
            )
            self.add_module(name, stage)
            before = after

    def forward(
        self, x: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch features"]:
        """Return the means of the last feature maps."""
        for name in self.stages:
            x = self.get_submodule(name)(x)
        return x.mean(dim=(2, 3))


class ResNet18Backbone(Backbone):
    """torchvision's ResNet-18 without its last layer, with weights that you bring, or fresh ones.

    Grey images are repeated on three channels. With weights, images are shifted and scaled by
    ImageNet's mean and standard deviation, as these weights expect. At 32×32 the network still
    reduces the side 32 times, to a single pixel.

    Args:
        image_shape: channels (1 or 3), height and width, sides of at least 32.
        weights: a file of torchvision's weights for ResNet-18, ``.pth`` or ``.safetensors``; fresh
            weights when it is not given. Nothing in it is run as code.

    Raises:
        ValueError: ``image_shape`` does not suit, or the file does not hold these weights.
        FileNotFoundError: there is no such file.
    """

    _mean: Tensor
    _deviation: Tensor

    def __init__(
        self, image_shape: Sequence[int], *, weights: str | os.PathLike[str] | None = None
    ) -> None:
        super().__init__()
        channels, height, width = image_shape
        if channels not in (1, 3) or min(height, width) < 32:
            raise ValueError(
                "image_shape must have 1 or 3 channels and sides of at least 32, not "
                f"{tuple(image_shape)}"
            )
        self.image_shape = (channels, height, width)
        self.feature_dim = 512
        self.stages = ("network.layer1", "network.layer2", "network.layer3", "network.layer4")
        network = import_torchvision().models.resnet18()
        if weights is not None:
            _load_weights(network, Path(weights))
        network.fc = nn.Identity()
        self.network = network
        known = weights is not None
        for name, values, plain in (
            ("_mean", _IMAGENET_MEAN, 0.0),
            ("_deviation", _IMAGENET_DEVIATION, 1.0),
        ):
            rows = torch.tensor(values if known else (plain,) * 3)
            self.register_buffer(name, rows.view(1, 3, 1, 1), persistent=False)

    def forward(
        self, x: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch features"]:
        """Return the means of the last feature maps."""
        return self.network((x.expand(-1, 3, -1, -1) - self._mean) / self._deviation)


def _load_weights(network: nn.Module, path: Path) -> None:
    if not path.is_file():
        raise FileNotFoundError(f"there is no file of weights at {path}")
    try:
        if path.suffix == ".safetensors":
            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(state)
    # torch.load answers a damaged file with errors of many kinds.
    except (SafetensorError, Exception) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(
            f"{path} does not hold weights of torchvision's ResNet-18 ({reason}): save its "
            "state_dict, with torch.save or as safetensors"
        ) from None
