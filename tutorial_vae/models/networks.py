"""The encoders and decoders that come with the package, and the table of architectures."""

import math
from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor, nn

NetworkMaker = Callable[[tuple[int, int, int], int], nn.Module]
"""A class, or a function, that makes an encoder or a decoder of an image shape and a latent_dim."""


def _rectified(layer: nn.Module) -> nn.Sequential:
    # Not in place: a hook on the layer must see what the next layer sees.
    return nn.Sequential(layer, nn.ReLU())


def _check_sides(image_shape: tuple[int, int, int]) -> None:
    _, height, width = image_shape
    if height % 16 or width % 16:
        raise ValueError(
            f"image_shape {image_shape} does not suit architecture 'conv', which needs a height "
            "and a width that are multiples of 16: resize the images, for example with "
            "load_images(..., size=32), or use architecture='mlp'"
        )


class ConvEncoder(nn.Module):
    """Four strided convolutions and a dense layer, then the two latent heads.

    At 64×64 this is the encoder of Bonheme & Grzes 2023; other sides that are multiples of 16 keep
    the same layers and change only what the dense layer reads.
    """

    def __init__(self, image_shape: tuple[int, int, int], latent_dim: int) -> None:
        super().__init__()
        _check_sides(image_shape)
        channels, height, width = image_shape
        self.conv1 = _rectified(nn.Conv2d(channels, 32, 4, stride=2, padding=1))
        self.conv2 = _rectified(nn.Conv2d(32, 32, 4, stride=2, padding=1))
        self.conv3 = _rectified(nn.Conv2d(32, 64, 2, stride=2))
        self.conv4 = _rectified(nn.Conv2d(64, 64, 2, stride=2))
        self.dense = _rectified(nn.Linear(64 * (height // 16) * (width // 16), 256))
        self.mean = nn.Linear(256, latent_dim)
        self.log_var = nn.Linear(256, latent_dim)

    def forward(
        self, x: Float[Tensor, "batch channels height width"]
    ) -> tuple[Float[Tensor, "batch latent"], Float[Tensor, "batch latent"]]:
        """Return the mean and the log-variance of q(z|x)."""
        x = self.conv4(self.conv3(self.conv2(self.conv1(x))))  # (batch, 64, height/16, width/16)
        x = self.dense(x.flatten(1))
        return self.mean(x), self.log_var(x)


class ConvDecoder(nn.Module):
    """Two dense layers and four transposed convolutions: the mirror of :class:`ConvEncoder`."""

    def __init__(self, image_shape: tuple[int, int, int], latent_dim: int) -> None:
        super().__init__()
        _check_sides(image_shape)
        channels, height, width = image_shape
        self.seed_shape = (64, height // 16, width // 16)
        self.dense1 = _rectified(nn.Linear(latent_dim, 256))
        self.dense2 = _rectified(nn.Linear(256, math.prod(self.seed_shape)))
        self.conv1 = _rectified(nn.ConvTranspose2d(64, 64, 4, stride=2, padding=1))
        self.conv2 = _rectified(nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1))
        self.conv3 = _rectified(nn.ConvTranspose2d(32, 32, 4, stride=2, padding=1))
        self.conv4 = nn.ConvTranspose2d(32, channels, 4, stride=2, padding=1)

    def forward(
        self, z: Float[Tensor, "batch latent"]
    ) -> Float[Tensor, "batch channels height width"]:
        """Return the parameters of p(x|z): logits (both Bernoullis) or means (Gaussian)."""
        x = self.dense2(self.dense1(z)).unflatten(1, self.seed_shape)
        return self.conv4(self.conv3(self.conv2(self.conv1(x))))


class DenseEncoder(nn.Module):
    """One hidden layer of rectified units, then the two latent heads."""

    def __init__(
        self, image_shape: tuple[int, int, int], latent_dim: int, hidden: int = 400
    ) -> None:
        super().__init__()
        self.dense1 = _rectified(nn.Linear(math.prod(image_shape), hidden))
        self.mean = nn.Linear(hidden, latent_dim)
        self.log_var = nn.Linear(hidden, latent_dim)

    def forward(
        self, x: Float[Tensor, "batch channels height width"]
    ) -> tuple[Float[Tensor, "batch latent"], Float[Tensor, "batch latent"]]:
        """Return the mean and the log-variance of q(z|x)."""
        x = self.dense1(x.flatten(1))
        return self.mean(x), self.log_var(x)


class DenseDecoder(nn.Module):
    """One hidden layer of rectified units, then one value per pixel."""

    def __init__(
        self, image_shape: tuple[int, int, int], latent_dim: int, hidden: int = 400
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.dense1 = _rectified(nn.Linear(latent_dim, hidden))
        self.pixels = nn.Linear(hidden, math.prod(image_shape))

    def forward(
        self, z: Float[Tensor, "batch latent"]
    ) -> Float[Tensor, "batch channels height width"]:
        """Return the parameters of p(x|z): logits (both Bernoullis) or means (Gaussian)."""
        return self.pixels(self.dense1(z)).unflatten(1, self.image_shape)


class LinearEncoder(nn.Module):
    """The two latent heads on the pixels themselves."""

    def __init__(self, image_shape: tuple[int, int, int], latent_dim: int) -> None:
        super().__init__()
        self.mean = nn.Linear(math.prod(image_shape), latent_dim)
        self.log_var = nn.Linear(math.prod(image_shape), latent_dim)

    def forward(
        self, x: Float[Tensor, "batch channels height width"]
    ) -> tuple[Float[Tensor, "batch latent"], Float[Tensor, "batch latent"]]:
        """Return the mean and the log-variance of q(z|x)."""
        x = x.flatten(1)
        return self.mean(x), self.log_var(x)


class LinearDecoder(nn.Module):
    """One value per pixel, linear in the latents."""

    def __init__(self, image_shape: tuple[int, int, int], latent_dim: int) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.pixels = nn.Linear(latent_dim, math.prod(image_shape))

    def forward(
        self, z: Float[Tensor, "batch latent"]
    ) -> Float[Tensor, "batch channels height width"]:
        """Return the parameters of p(x|z): logits (both Bernoullis) or means (Gaussian)."""
        return self.pixels(z).unflatten(1, self.image_shape)


ARCHITECTURES: dict[str, tuple[NetworkMaker, NetworkMaker]] = {
    "conv": (ConvEncoder, ConvDecoder),
    "mlp": (DenseEncoder, DenseDecoder),
    "linear": (LinearEncoder, LinearDecoder),
}
"""What makes the encoder and the decoder of each architecture. An entry of your own is an
architecture like the others: models that use it are saved and, where the entry exists, loaded."""
