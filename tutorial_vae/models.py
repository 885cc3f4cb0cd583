"""The variational autoencoder: an encoder, a decoder, and layers named in execution order."""

import math
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.distributions import Bernoulli, Distribution, Independent, Normal

from .devices import own_random_state
from .files import packed_metadata, unpacked_metadata, write_atomically
from .likelihoods import ContinuousBernoulli

ARCHITECTURES = ("conv", "mlp", "linear")
LIKELIHOODS = ("bernoulli", "continuous_bernoulli", "gaussian")

_FILE_FORMAT = "tutorial_vae model 1"


def _rectified(layer: nn.Module) -> nn.Sequential:
    # Not in place: a hook on the layer must see what the next layer sees.
    return nn.Sequential(layer, nn.ReLU())


class ConvEncoder(nn.Module):
    """Four strided convolutions and a dense layer, then the two latent heads.

    At 64×64 this is the encoder of Bonheme & Grzes 2023; other sides that are multiples of 16 keep
    the same layers and change only what the dense layer reads.
    """

    def __init__(self, image_shape: tuple[int, int, int], latent_dim: int) -> None:
        super().__init__()
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
    """One hidden layer of 400 units, or none at all, then the two latent heads."""

    def __init__(
        self, image_shape: tuple[int, int, int], latent_dim: int, hidden: int | None
    ) -> None:
        super().__init__()
        pixels = math.prod(image_shape)
        if hidden is not None:
            self.dense1 = _rectified(nn.Linear(pixels, hidden))
        self.mean = nn.Linear(hidden or pixels, latent_dim)
        self.log_var = nn.Linear(hidden or pixels, latent_dim)

    def forward(
        self, x: Float[Tensor, "batch channels height width"]
    ) -> tuple[Float[Tensor, "batch latent"], Float[Tensor, "batch latent"]]:
        """Return the mean and the log-variance of q(z|x)."""
        x = x.flatten(1)
        if hasattr(self, "dense1"):
            x = self.dense1(x)
        return self.mean(x), self.log_var(x)


class DenseDecoder(nn.Module):
    """One hidden layer of 400 units, or none at all, then one value per pixel."""

    def __init__(
        self, image_shape: tuple[int, int, int], latent_dim: int, hidden: int | None
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        if hidden is not None:
            self.dense1 = _rectified(nn.Linear(latent_dim, hidden))
        self.pixels = nn.Linear(hidden or latent_dim, math.prod(image_shape))

    def forward(
        self, z: Float[Tensor, "batch latent"]
    ) -> Float[Tensor, "batch channels height width"]:
        """Return the parameters of p(x|z): logits (both Bernoullis) or means (Gaussian)."""
        if hasattr(self, "dense1"):
            z = self.dense1(z)
        return self.pixels(z).unflatten(1, self.image_shape)


class VAE(nn.Module):
    r"""A variational autoencoder with a standard normal prior over its latents.

    The encoder maps an image to a diagonal Gaussian :math:`q(z|x)`, the decoder maps a latent to
    a distribution over images :math:`p(x|z)`.

    Args:
        image_shape: channels, height and width of the images. ``"conv"`` needs a height and a
            width that are multiples of 16.
        latent_dim: number of latent dimensions.
        architecture: ``"conv"`` (at 64×64 the network of Bonheme & Grzes 2023), ``"mlp"`` (one
            hidden layer of 400 units on each side) or ``"linear"`` (none: a probabilistic PCA
            when the likelihood is Gaussian).
        likelihood: ``"bernoulli"`` (pixels as probabilities in [0, 1]), ``"continuous_bernoulli"``
            (a density over grey pixels in [0, 1], whose mean is not the logistic function of the
            decoder's logits) or ``"gaussian"`` (one learned standard deviation for all pixels, 0.1
            before training).

    Attributes:
        layer_names: names of the layers in the order in which an image passes them. Each is the
            path of a sub-module, and that module's output is the layer's activation.

    Raises:
        ValueError: an argument is outside what is said above.

    Reference: Kingma & Welling 2013; the convolutional layers follow Bonheme & Grzes 2023, the
    continuous Bernoulli Loaiza-Ganem & Cunningham 2019.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        latent_dim: int = 10,
        *,
        architecture: str = "conv",
        likelihood: str = "bernoulli",
    ) -> None:
        super().__init__()
        shape = _checked_image_shape(image_shape)
        if isinstance(latent_dim, bool) or not isinstance(latent_dim, int) or latent_dim < 1:
            raise ValueError(f"latent_dim must be a whole number of at least 1, not {latent_dim!r}")
        if likelihood not in LIKELIHOODS:
            raise ValueError(f"likelihood must be one of {LIKELIHOODS}, not {likelihood!r}")
        self.image_shape = shape
        self.latent_dim = latent_dim
        self.architecture = architecture
        self.likelihood = likelihood
        self.encoder: nn.Module
        self.decoder: nn.Module
        if architecture == "conv":
            if shape[1] % 16 or shape[2] % 16:
                raise ValueError(
                    f"image_shape {shape} does not suit architecture 'conv', which needs a height "
                    "and a width that are multiples of 16: resize the images, for example with "
                    "load_images(..., size=32), or use architecture='mlp'"
                )
            self.encoder = ConvEncoder(shape, latent_dim)
            self.decoder = ConvDecoder(shape, latent_dim)
        elif architecture in ARCHITECTURES:
            hidden = 400 if architecture == "mlp" else None
            self.encoder = DenseEncoder(shape, latent_dim, hidden)
            self.decoder = DenseDecoder(shape, latent_dim, hidden)
        else:
            raise ValueError(f"architecture must be one of {ARCHITECTURES}, not {architecture!r}")
        if likelihood == "gaussian":
            self.log_scale = nn.Parameter(torch.tensor(math.log(0.1)))
        # Both networks register their layers in the order in which they run them.
        self.layer_names: tuple[str, ...] = tuple(
            f"{part}.{name}"
            for part in ("encoder", "decoder")
            for name, _ in self.get_submodule(part).named_children()
        )

    def encode(self, x: Float[Tensor, "batch channels height width"]) -> Normal:
        """Return the posterior q(z|x), a diagonal Gaussian with batch shape (batch, latent).

        Raises:
            ValueError: ``x`` is not a batch of float images of the model's shape.
        """
        if x.ndim != 4 or tuple(x.shape[1:]) != self.image_shape:
            raise ValueError(
                f"x must have the shape (batch, {', '.join(map(str, self.image_shape))}) that the "
                f"model was made for, not {tuple(x.shape)}"
            )
        if not x.is_floating_point():
            raise ValueError(
                f"x must hold floats in [0, 1], not {x.dtype}: divide uint8 images by 255"
            )
        mean, log_var = self.encoder(x)
        # Under autocast the layers return bfloat16, too coarse for a sum over pixels in nats.
        mean, log_var = mean.to(x.dtype), log_var.to(x.dtype)
        # The distributions' own checks read every value back from the device at each call.
        return Normal(mean, (0.5 * log_var).exp(), validate_args=False)

    def decode(self, z: Float[Tensor, "batch latent"]) -> Distribution:
        """Return the likelihood p(x|z), one distribution over a whole image per latent.

        ``log_prob(x)`` gives one value per image, in nats summed over channels and pixels;
        ``mean`` gives images. The Bernoulli log-probability is also used for grey pixels in
        [0, 1], as is usual; it is then a cross-entropy rather than a normalised density. That
        of the continuous Bernoulli and of the Gaussian is a density, and may be positive.

        Raises:
            ValueError: ``z`` is not of shape (batch, latent_dim).
        """
        if z.ndim != 2 or z.shape[1] != self.latent_dim:
            raise ValueError(
                f"z must have the shape (batch, {self.latent_dim}), not {tuple(z.shape)}"
            )
        pixels = self.decoder(z).to(z.dtype)
        per_pixel: Distribution
        if self.likelihood == "bernoulli":
            per_pixel = Bernoulli(logits=pixels, validate_args=False)
        elif self.likelihood == "continuous_bernoulli":
            per_pixel = ContinuousBernoulli(pixels)
        else:
            per_pixel = Normal(pixels, self.log_scale.exp(), validate_args=False)
        return Independent(per_pixel, 3, validate_args=False)

    def forward(self, x: Float[Tensor, "batch channels height width"]) -> Distribution:
        """Return the likelihood at one latent drawn from the posterior of each image."""
        return self.decode(self.encode(x).rsample())

    @torch.no_grad()
    def reconstruct(
        self, x: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch channels height width"]:
        """Return the mean images decoded from the posterior means of the images ``x``."""
        return self.decode(self.encode(x).mean).mean

    @torch.no_grad()
    def sample(
        self, n: int, *, generator: torch.Generator | None = None
    ) -> Float[Tensor, "n channels height width"]:
        """Return the mean images decoded from ``n`` latents drawn from the prior.

        Args:
            n: how many images.
            generator: source of randomness, on the CPU; the global one when it is not given.

        Raises:
            ValueError: ``n`` is less than 1.
        """
        if n < 1:
            raise ValueError(f"n must be at least 1, not {n!r}")
        z = torch.randn(n, self.latent_dim, generator=generator)
        return self.decode(z.to(next(self.parameters()).device)).mean


def _checked_image_shape(image_shape: Sequence[int]) -> tuple[int, int, int]:
    sides = tuple(image_shape)
    if len(sides) != 3 or any(
        isinstance(s, bool) or not isinstance(s, int) or s < 1 for s in sides
    ):
        raise ValueError(
            f"image_shape must be (channels, height, width), three positive whole numbers, not "
            f"{image_shape!r}"
        )
    return sides


def save_model(
    model: VAE, path: str | os.PathLike[str], *, dtype: torch.dtype | None = None
) -> None:
    """Save a model in one safetensors file: its weights and the settings that rebuild it.

    Args:
        model: the model to save.
        path: file to write; an existing one is replaced in one step.
        dtype: floating type that the weights are rounded to in the file, their own when it is not
            given. ``torch.bfloat16`` halves the file and keeps 8 significant bits. Loaded, weights
            are float32 again.

    Raises:
        FileNotFoundError: the folder of ``path`` does not exist.
        ValueError: ``dtype`` is no floating type, or the model has an architecture of its own,
            which :func:`load_model` could not rebuild.
    """
    if model.architecture not in ARCHITECTURES:
        raise ValueError(
            f"model has the architecture {model.architecture!r}, and load_model rebuilds only "
            f"{', '.join(ARCHITECTURES)}: keep its state_dict() and build it again yourself"
        )
    if dtype is not None and not dtype.is_floating_point:
        raise ValueError(f"dtype must be a floating type such as torch.bfloat16, not {dtype}")
    settings = {
        "image_shape": model.image_shape,
        "latent_dim": model.latent_dim,
        "architecture": model.architecture,
        "likelihood": model.likelihood,
    }
    tensors = {
        name: value.detach().to("cpu", dtype if value.is_floating_point() else None).contiguous()
        for name, value in model.state_dict().items()
    }
    metadata = packed_metadata({"format": _FILE_FORMAT, "settings": settings})
    write_atomically(path, save(tensors, metadata=metadata))


def load_model(path: str | os.PathLike[str]) -> VAE:
    """Load a model that :func:`save_model` wrote. Nothing in the file is run as code.

    Args:
        path: the file.

    Returns:
        The model, on the CPU, in evaluation mode.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not a model of this package, or is damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no model file at {path}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = unpacked_metadata(file.metadata())
            if metadata.get("format") != _FILE_FORMAT:
                raise ValueError(
                    f"{path} is a safetensors file, but not a model saved by tutorial_vae: it says "
                    f"format {metadata.get('format')!r} instead of {_FILE_FORMAT!r}"
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(
            f"{path} is not a model saved by tutorial_vae, or it is damaged ({error}): save it "
            "again with save_model or `tutorial-vae train`"
        ) from None
    try:
        model = VAE(**metadata["settings"])
        model.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{path} does not hold a whole model: {' '.join(str(error).split())}"
        ) from None
    return model.eval()


def untrained_copy(model: VAE, *, seed: int = 0) -> VAE:
    """Return a model with the same layers and fresh weights, on the CPU.

    Args:
        model: the model whose settings are taken.
        seed: source of the weights; the global random state is left as it was.
    """
    with own_random_state(torch.device("cpu"), seed):
        return VAE(
            model.image_shape,
            model.latent_dim,
            architecture=model.architecture,
            likelihood=model.likelihood,
        )
