"""Running a model on images and reading its layers while it runs."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ..data import ImageSet
from ..data.imageset import image_tensor
from ..devices import evaluation_mode
from ..models import VAE
from .kernels import FEWEST_TO_COMPARE, check_finite

_CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


class Reader:
    """A model whose named layers can be read; made by :func:`reading`.

    Attributes:
        names: the layers.
        owner: what errors call the model.
        sizes: features of each layer, in the order of ``names``.
    """

    def __init__(self, model: nn.Module, owner: str, pixels: Tensor, device: torch.device) -> None:
        self.owner = owner
        self._model = model
        self._device = device
        kinds = [p.dtype for p in model.parameters() if p.is_floating_point()]
        default = pixels.dtype if pixels.is_floating_point() else torch.float32
        self._kind = kinds[0] if kinds else default
        self._weights: dict[nn.Module, dict[str, Tensor]] = {}
        self.names: tuple[str, ...] = ()
        self.sizes: tuple[int, ...] = ()

    def choose(self, layers: Sequence[str] | None, few: Tensor) -> None:
        """Take the named layers, or the model's own, and learn how many features each has."""
        model = self._model
        leaves = [name for name, part in model.named_modules() if name and not any(part.children())]
        defaults = model.layer_names if isinstance(model, VAE) else tuple(leaves)
        names = tuple(defaults if layers is None else layers)
        known = {name for name, _ in model.named_modules() if name}
        unknown = [name for name in names if name not in known]
        if unknown or not names:
            raise ValueError(
                f"layers must name layers of {self.owner}, not {unknown}: it has "
                f"{', '.join(defaults) or 'none, being a single module'}"
            )
        found: dict[str, list[object]] = {}
        with self._hooks(names, lambda name, output: found.setdefault(name, []).append(output)):
            try:
                self._run(few)
            except RuntimeError as error:
                if isinstance(model, VAE):
                    raise
                raise ValueError(
                    f"{self.owner} cannot read images of shape {tuple(few.shape[1:])}: {error}"
                ) from error
        if layers is None and not isinstance(model, VAE):
            # In the order in which they ran.
            names = tuple(name for name in found if _is_layer(found[name], len(few)))
            if not names:
                raise ValueError(f"{self.owner} has no layer with one output per image")
        for name in names:
            for output in found.get(name, []):
                self._checked(name, output)
        self.names = names
        outputs = [[o for o in found.get(name, []) if isinstance(o, Tensor)] for name in names]
        self.sizes = tuple(o[0].numel() // max(len(o[0]), 1) if o else 0 for o in outputs)
        self._put_channels_last(few)

    def _put_channels_last(self, few: Tensor) -> None:
        """Run convolutions on copies of their weights in the layout in which the CPU is faster.

        In the usual layout every convolution turns its input over and its output back.
        """
        if self._device.type != "cpu" or self._kind == torch.float64:
            return
        model = self._model
        # Copies, because strides decide: those of a weight with one input channel, which lies in
        # memory the same way in both layouts, would turn the first layer's output back.
        for part in (model.encoder, model.decoder) if isinstance(model, VAE) else (model,):
            self._weights[part] = {
                name: weight.detach().to(memory_format=torch.channels_last, copy=True)
                for name, weight in part.named_parameters()
                if isinstance(part.get_submodule(name.rpartition(".")[0]), _CONVOLUTIONS)
                and weight.ndim == 4
            }
        try:
            self._run(few)
        except RuntimeError:  # of a layer that asks for a view of its input as it lies in memory
            self._weights = {}

    def read(self, images: Tensor, consume: Callable[[int, Tensor], None]) -> None:
        """Run the model on one batch and hand out each layer's index and activations.

        The activations, (batch, features), are only valid during the call: what follows may work
        in place.
        """
        seen = dict.fromkeys(self.names, 0)
        index = {name: number for number, name in enumerate(self.names)}

        def receive(name: str, output: object) -> None:
            activations = self._checked(name, output)
            seen[name] += len(activations)
            if seen[name] == len(images):
                consume(index[name], activations)

        with self._hooks(self.names, receive):
            self._run(images)
        for name, count in seen.items():
            if count != len(images):
                raise ValueError(
                    f"{self.title(name)} gave {count} outputs for {len(images)} images: "
                    "name a layer that runs once for each image"
                )

    def title(self, name: str) -> str:
        """Return what warnings and errors call a layer."""
        return f"layer {name} of {self.owner}"

    def _checked(self, name: str, output: object) -> Tensor:
        if not isinstance(output, Tensor):
            raise ValueError(f"{self.title(name)} has several outputs: name a layer inside it")
        if output.ndim == 0:
            raise ValueError(f"{self.title(name)} gives one number for all images together")
        rows = output.detach()
        if rows.ndim == 1:
            return rows[:, None]
        last = torch.channels_last
        if rows.ndim == 4 and not rows.is_contiguous() and rows.is_contiguous(memory_format=last):
            # In the order in which they lie, which needs no copy. No measure asks for another.
            rows = rows.permute(0, 2, 3, 1)
        return rows.flatten(1)

    @contextmanager
    def _hooks(
        self, names: Sequence[str], receive: Callable[[str, object], None]
    ) -> Iterator[None]:
        handles = [
            self._model.get_submodule(name).register_forward_hook(
                lambda _module, _inputs, output, name=name: receive(name, output)
            )
            for name in names
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    @torch.no_grad()
    def _run(self, images: Tensor) -> None:
        batch = images.to(self._device, self._kind)
        if images.dtype == torch.uint8:
            batch = batch / 255
        if isinstance(self._model, VAE):
            # The mean, not a sample: noise, shared or not, would change the decoders' similarity.
            mean, _ = self._call(self._model.encoder, batch)
            self._call(self._model.decoder, mean)
        else:
            self._call(self._model, batch)

    def _call(self, part: nn.Module, x: Tensor) -> Any:
        weights = self._weights.get(part)
        return functional_call(part, weights, (x,)) if weights else part(x)


def _is_layer(outputs: list[object], images: int) -> bool:
    output = outputs[0]
    return (
        len(outputs) == 1
        and isinstance(output, Tensor)
        and output.ndim > 0
        and len(output) == images
        and not output.is_complex()
    )


@contextmanager
def reading(
    model: nn.Module,
    owner: str,
    layers: Sequence[str] | None,
    pixels: Tensor,
    device: torch.device,
) -> Iterator[Reader]:
    """Lend a model, in evaluation mode on a device, and leave it as it was afterwards."""
    with evaluation_mode(model, device):
        reader = Reader(model, owner, pixels, device)
        reader.choose(layers, pixels[:2])
        yield reader


def comparable_images(images: ImageSet | Tensor, model_a: nn.Module, model_b: nn.Module) -> Tensor:
    """Return the images as a tensor that both models can read, uint8 or float.

    Raises:
        TypeError: they are neither an image set nor a tensor.
        ValueError: they do not suit a model, or are fewer than 4, or are not finite.
    """
    shapes = {
        owner: tuple(model.image_shape)
        for owner, model in (("model_a", model_a), ("model_b", model_b))
        if isinstance(model, VAE)
    }
    if len(set(shapes.values())) == 2:
        raise ValueError(
            f"model_a reads images of shape {shapes['model_a']} and model_b of shape "
            f"{shapes['model_b']}: compare models that read the same images"
        )
    if isinstance(images, Tensor) and not shapes:
        pixels = images  # in whatever range and shape such models read
        if pixels.ndim < 2 or not (pixels.dtype == torch.uint8 or pixels.is_floating_point()):
            raise ValueError(
                "images must be uint8 or floats of shape (n, ...), not "
                f"{pixels.dtype} of shape {tuple(pixels.shape)}"
            )
        check_finite(pixels, "images")
    else:
        pixels = image_tensor(images)
        if isinstance(images, Tensor) and images.is_floating_point():
            pixels = images  # as they are: rounding to 256 levels would change the activations
    for shape in shapes.values():
        if tuple(pixels.shape[1:]) != shape:
            raise ValueError(
                f"images have the shape {tuple(pixels.shape[1:])}, but the models read {shape}"
            )
    if len(pixels) < FEWEST_TO_COMPARE:
        raise ValueError(f"images must hold at least {FEWEST_TO_COMPARE} images, not {len(pixels)}")
    return pixels
