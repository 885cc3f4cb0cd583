"""The variational autoencoder: an encoder, a decoder, and layers named in execution order."""

import copy
import math
from collections.abc import Sequence, Set
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Bernoulli, Distribution, Independent, Normal

from ..devices import own_random_state
from ..likelihoods import ContinuousBernoulli
from .networks import ARCHITECTURES, NetworkMaker

LIKELIHOODS = ("bernoulli", "continuous_bernoulli", "gaussian")

_Network = TypeVar("_Network", bound=nn.Module)


class VAE(nn.Module):
    r"""A variational autoencoder with a standard normal prior over its latents.

    The encoder maps an image to a diagonal Gaussian :math:`q(z|x)`, the decoder maps a latent to
    a distribution over images :math:`p(x|z)`.

    Args:
        image_shape: channels, height and width of the images. ``"conv"`` needs a height and a
            width that are multiples of 16.
        latent_dim: number of latent dimensions.
        architecture: a key of ``ARCHITECTURES``: ``"conv"`` (at 64×64 the network of Bonheme &
            Grzes 2023), ``"mlp"`` (one hidden layer of 400 units on each side), ``"linear"``
            (none: a probabilistic PCA when the likelihood is Gaussian) or one of your own.
        encoder: an encoder in place of the architecture's: a module, taken as it is, or a class
            that is called with ``image_shape`` and ``latent_dim``. It returns the mean and the
            log-variance of q(z|x), each of shape (batch, latent).
        decoder: a decoder in the same way. It returns one number per pixel, (batch, channels,
            height, width): a logit (both Bernoullis) or a mean (Gaussian).
        likelihood: ``"bernoulli"`` (pixels as probabilities in [0, 1]), ``"continuous_bernoulli"``
            (a density over grey pixels in [0, 1], whose mean is not the logistic function of the
            decoder's logits) or ``"gaussian"`` (one learned standard deviation for all pixels, 0.1
            before training).

    Attributes:
        architecture: the key, or, where an encoder or a decoder was given, the names of both.

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
        encoder: nn.Module | NetworkMaker | None = None,
        decoder: nn.Module | NetworkMaker | None = None,
        likelihood: str = "bernoulli",
    ) -> None:
        super().__init__()
        shape = _checked_image_shape(image_shape)
        if isinstance(latent_dim, bool) or not isinstance(latent_dim, int) or latent_dim < 1:
            raise ValueError(f"latent_dim must be a whole number of at least 1, not {latent_dim!r}")
        if likelihood not in LIKELIHOODS:
            raise ValueError(f"likelihood must be one of {LIKELIHOODS}, not {likelihood!r}")
        if architecture not in ARCHITECTURES:
            raise ValueError(
                f"architecture must be one of {tuple(ARCHITECTURES)}, not {architecture!r}: name "
                "one of them, add yours to tutorial_vae.models.ARCHITECTURES, or give encoder and "
                "decoder"
            )
        self.image_shape = shape
        self.latent_dim = latent_dim
        self.likelihood = likelihood
        named_encoder, named_decoder = ARCHITECTURES[architecture]
        self.encoder = _network("encoder", encoder, named_encoder, shape, latent_dim)
        self.decoder = _network("decoder", decoder, named_decoder, shape, latent_dim)
        self.architecture = architecture
        if encoder is not None or decoder is not None:
            networks = self.encoder, self.decoder
            self.architecture = " and ".join(type(network).__name__ for network in networks)
        if likelihood == "gaussian":
            self.log_scale = nn.Parameter(torch.empty(()))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Give what belongs to neither network, a Gaussian's log-scale, its start value."""
        if self.likelihood == "gaussian":
            nn.init.constant_(self.log_scale, math.log(0.1))

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers in the order in which an image passes them.

        Each is the path of a sub-module, and that module's output is the layer's activation. They
        are the children of the encoder and of the decoder, in the order in which these register
        them, or what a network's own attribute ``layer_names`` says.
        """
        return tuple(
            f"{part}.{name}"
            for part in ("encoder", "decoder")
            for name in _layer_names(self.get_submodule(part))
        )

    def encode(self, x: Float[Tensor, "batch channels height width"]) -> Normal:
        """Return the posterior q(z|x), a diagonal Gaussian with batch shape (batch, latent).

        Raises:
            ValueError: ``x`` is not a batch of float images of the model's shape, or the encoder
                returns something else than is said above.
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
        if not mean.shape == log_var.shape == (len(x), self.latent_dim):
            raise ValueError(
                "the encoder must return a mean and a log-variance of the shape (batch, "
                f"{self.latent_dim}), not {tuple(mean.shape)} and {tuple(log_var.shape)}"
            )
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
            ValueError: ``z`` is not of shape (batch, latent_dim), or the decoder returns images of
                another shape than the model's.
        """
        if z.ndim != 2 or z.shape[1] != self.latent_dim:
            raise ValueError(
                f"z must have the shape (batch, {self.latent_dim}), not {tuple(z.shape)}"
            )
        pixels = self.decoder(z).to(z.dtype)
        if tuple(pixels.shape[1:]) != self.image_shape:
            raise ValueError(
                f"the decoder must return (batch, {', '.join(map(str, self.image_shape))}), not "
                f"{tuple(pixels.shape)}"
            )
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


def _network(
    name: str,
    given: nn.Module | NetworkMaker | None,
    named: NetworkMaker,
    image_shape: tuple[int, int, int],
    latent_dim: int,
) -> nn.Module:
    if isinstance(given, nn.Module):
        return given
    network = (named if given is None else given)(image_shape, latent_dim)
    if not isinstance(network, nn.Module):
        raise ValueError(
            f"{name} must be a torch module, or a class that makes one from image_shape and "
            f"latent_dim, but it makes {type(network).__name__}"
        )
    return network


def _layer_names(network: nn.Module) -> tuple[str, ...]:
    children = tuple(name for name, _ in network.named_children())
    return tuple(getattr(network, "layer_names", children))


def fresh_copy(model: _Network, seed: int = 0, *, entries: Set[str] | None = None) -> _Network:
    """Return the same network untrained: its modules draw their weights anew, on the CPU.

    Each module draws as when it is made, by its ``reset_parameters``, in the order in which modules
    are registered. Where they are made in that order too, as in all of this package's
    architectures, the weights are those that a model made anew after ``torch.manual_seed(seed)``
    begins with.

    Args:
        model: any network. It is left as it was.
        seed: source of the weights; the global random state is left as it was.
        entries: names of the parameters that must be fresh, all of them when not given. Others
            may stay as they are where their module cannot draw.

    Raises:
        ValueError: a module with parameters has no method ``reset_parameters``.
    """
    fresh = copy.deepcopy(model).cpu().requires_grad_(True)
    with own_random_state(torch.device("cpu"), seed):
        for path, module in fresh.named_modules():
            if callable(reset := getattr(module, "reset_parameters", None)):
                reset()
                continue
            names = [
                f"{path}.{name}".lstrip(".") for name, _ in module.named_parameters(recurse=False)
            ]
            if stale := [name for name in names if entries is None or name in entries]:
                raise ValueError(
                    f"model cannot be had untrained: {', '.join(stale)} cannot be drawn anew, for "
                    f"{type(module).__name__} has no method reset_parameters; give it one"
                )
    return fresh
