"""The traversal explorer: one slider per latent dimension, decoded where it is looked at."""

import base64
import copy
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import traitlets
from jaxtyping import Float64, UInt8

from tutorial_vae.data import ImageSet
from tutorial_vae.evaluation import encode_images
from tutorial_vae.explorer import Explorer, script, style
from tutorial_vae.models import VAE
from tutorial_vae.objectives import gaussian_kl_per_dimension

REACH = 3.5  # of a slider, in standard deviations of the prior
COLLAPSED = 0.1  # nats below which a dimension is called collapsed


class RoundedWeights(NamedTuple):
    """Weights as the explorer stores them: a byte each, and what all of them share.

    Attributes:
        levels: one byte for each weight.
        low: the weight that the byte 0 stands for.
        step: what one more level adds.
    """

    levels: UInt8[np.ndarray, "..."]
    low: float
    step: float

    @property
    def values(self) -> Float64[np.ndarray, "..."]:
        """The weights that the bytes stand for."""
        return self.low + self.step * self.levels.astype(np.float64)


def round_weights(weights: torch.Tensor) -> RoundedWeights:
    """Round weights to 256 even levels between their lowest and their highest.

    Args:
        weights: the weights or the biases of one layer.
    """
    values = weights.detach().cpu().double().numpy()
    low, high = float(values.min()), float(values.max())
    step = (high - low) / 255 or 1.0
    return RoundedWeights(np.round((values - low) / step).astype(np.uint8), low, step)


def with_rounded_decoder(model: VAE) -> VAE:
    """Return a copy of a model that decodes with the weights that the explorer stores.

    Args:
        model: the model. What the rounding costs is the difference between the two.
    """
    rounded = copy.deepcopy(model)
    with torch.no_grad():
        for weights in rounded.decoder.parameters():
            weights.copy_(torch.as_tensor(round_weights(weights).values))
    return rounded


class TraversalExplorer(Explorer):
    """Sliders over the latent dimensions of several models, with the picture that they decode to.

    The decoders' weights travel in the state of the widget, rounded to one byte each, and the front
    end computes the pictures from them: any code of any of the models, with a kernel and without
    one. Dimensions are sorted by their KL divergence, which stands beside each slider.

    Args:
        models: models by their β, with ``architecture="mlp"``, ``likelihood="bernoulli"``, one
            channel and the same latent dimension. A page of the book has room for about 100,000
            weights of decoders in all: ``model.decoder = DenseDecoder(shape, latent_dim, 64)``
            before training makes a small one.
        images: unseen images. The KL divergence of each dimension is their mean.
        examples: how many of the images, from the first on, have a button that goes to their code.

    Attributes:
        beta: β of the chosen model; follows the slider, and may be set.
        code: the latents, in the order of their KL divergence; follow the sliders, and may be set.
        example: index of the example that the code was last taken from, -1 for none.

    Raises:
        ValueError: there is no model, a model is not as said above, the models differ in shape, or
            there are fewer images than examples.

    Example:
        >>> explorer = TraversalExplorer({0.25: sharp, 1: model, 4: collapsed}, unseen)
    """

    _esm = script(__file__)
    _css = style(__file__)

    beta = traitlets.Float().tag(sync=True)
    code = traitlets.List(traitlets.Float()).tag(sync=True)
    example = traitlets.Int(-1).tag(sync=True)

    def __init__(
        self, models: Mapping[int | float, VAE], images: ImageSet, *, examples: int = 6
    ) -> None:
        if not models:
            raise ValueError("models is empty; give at least one model")
        if not 1 <= examples <= len(images):
            raise ValueError(
                f"examples must be from 1 to the number of images, {len(images)}, not {examples!r}"
            )
        first = next(iter(models.values()))
        for beta, model in models.items():
            _check(beta, model, first)
        shown = images[:examples]
        described = [_described(beta, models[beta], images, examples) for beta in sorted(models)]
        _, height, width = first.image_shape
        data: dict[str, Any] = {
            "models": described,
            "height": height,
            "width": width,
            "reach": REACH,
            "collapsed": COLLAPSED,
            "labels": _labels(shown),
            "examples": _bytes(shown.images.numpy()),
        }
        middle = described[len(described) // 2]
        super().__init__(data=data, beta=middle["beta"], code=middle["codes"][0], example=0)

    def _summary(self) -> str:
        return "beta=" + ", ".join(f"{model['beta']:g}" for model in self.data["models"])

    @property
    def picture(self) -> Float64[np.ndarray, "height width"]:
        """The picture that the front end shows, in grey levels from 0 to 255, not yet rounded."""
        chosen = next(m for m in self.data["models"] if m["beta"] == self.beta)
        hidden, pixels = chosen["layers"]
        z = np.array(self.code)
        units = _stored(hidden["weights"]).reshape(-1, len(z)) @ z + _stored(hidden["biases"])
        units = np.maximum(units, 0)
        logits = _stored(pixels["weights"]).reshape(-1, len(units)) @ units
        grey = 255 / (1 + np.exp(-logits - _stored(pixels["biases"])))
        return grey.reshape(self.data["height"], self.data["width"])

    @traitlets.validate("beta")
    def _known_beta(self, proposal: Any) -> float:
        return self._one_of((model["beta"] for model in self.data["models"]), proposal)

    @traitlets.validate("code")
    def _inside(self, proposal: Any) -> list[float]:
        size = len(self.data["models"][0]["kl"])
        if len(proposal["value"]) != size or not all(abs(z) <= REACH for z in proposal["value"]):
            raise ValueError(
                f"code must hold {size} numbers from -{REACH:g} to {REACH:g}, not "
                f"{proposal['value']}"
            )
        return proposal["value"]

    @traitlets.validate("example")
    def _known_example(self, proposal: Any) -> int:
        return self._between(-1, len(self.data["labels"]) - 1, proposal)


def _check(beta: int | float, model: VAE, first: VAE) -> None:
    if model.architecture != "mlp" or model.likelihood != "bernoulli" or model.image_shape[0] != 1:
        raise ValueError(
            f"models[{beta:g}] must have architecture 'mlp', likelihood 'bernoulli' and one "
            f"channel, not {model.architecture!r}, {model.likelihood!r} and {model.image_shape[0]}"
        )
    if (model.image_shape, model.latent_dim) != (first.image_shape, first.latent_dim):
        raise ValueError(
            f"models[{beta:g}] has images of {model.image_shape} and {model.latent_dim} latents, "
            f"the first model {first.image_shape} and {first.latent_dim}"
        )


def _described(beta: int | float, model: VAE, images: ImageSet, examples: int) -> dict[str, Any]:
    mean, stddev = encode_images(model, images)
    kl = gaussian_kl_per_dimension(mean, 2 * stddev.log()).mean(dim=0)
    order = kl.argsort(descending=True)
    hidden, pixels = model.decoder.get_submodule("dense1.0"), model.decoder.get_submodule("pixels")
    codes = mean[:examples, order].double().clamp(-REACH, REACH)
    return {
        "beta": float(beta),
        "kl": np.round(kl[order].double().numpy(), 3).tolist(),
        "codes": np.round(codes.numpy(), 2).tolist(),
        "layers": [
            {
                "weights": _sent(hidden.get_parameter("weight"), order),
                "biases": _sent(hidden.get_parameter("bias")),
            },
            {
                "weights": _sent(pixels.get_parameter("weight")),
                "biases": _sent(pixels.get_parameter("bias")),
            },
        ],
    }


def _sent(weights: torch.Tensor, columns: torch.Tensor | None = None) -> dict[str, Any]:
    levels, low, step = round_weights(weights if columns is None else weights[:, columns])
    return {"levels": _bytes(levels), "low": low, "step": step}


def _stored(sent: Mapping[str, Any]) -> Float64[np.ndarray, " weights"]:
    levels = np.frombuffer(base64.b64decode(sent["levels"]), dtype=np.uint8)
    return RoundedWeights(levels, sent["low"], sent["step"]).values


def _bytes(values: UInt8[np.ndarray, "..."]) -> str:
    return base64.b64encode(values.tobytes()).decode()


def _labels(shown: ImageSet) -> Sequence[str]:
    if shown.labels is None:
        return [""] * len(shown)
    return [shown.class_names[label] for label in shown.labels]
