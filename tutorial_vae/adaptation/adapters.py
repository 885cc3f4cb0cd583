"""Low-rank adapters: a frozen backbone with a small trained difference in every layer."""

import torch
from jaxtyping import Int, UInt8
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ..checks import check_count, check_weight
from .classifiers import Classifier
from .linear_probe import LinearProbe


class LowRankAdapters(LinearProbe):
    r"""Leave the backbone as it is and train a difference of low rank for each of its layers.

    .. math:: W = W_0 + \frac\gamma r B A

    for the weight of every convolution (flattened to output channels × all else) and linear layer
    of the backbone that is not frozen already, with B of r columns and A of r rows. At the start B
    is zero and A Gaussian, with a variance of one divided by its number of columns. A, B and the
    head are trained; everything else in the backbone is frozen, biases and batch normalisation
    included. Afterwards the differences are merged into the weights, and the classifier has its
    old structure.

    Args:
        rank: r.
        scale: γ. The defaults of both are those of the paper for GPT-2.

    Raises:
        ValueError: ``rank`` is less than 1, or ``scale`` is negative or infinite.

    Reference: Hu et al. 2021, who adapt the attention layers of transformers.
    """

    def __init__(self, rank: int = 4, *, scale: float = 32.0) -> None:
        super().__init__()
        check_count("rank", rank)
        check_weight("scale", scale)
        self.rank = rank
        self.scale = scale
        self._adapted: list[tuple[nn.Conv2d | nn.Linear, list[str]]] = []

    def attach(
        self,
        classifier: Classifier,
        images: UInt8[Tensor, "n channels height width"],
        labels: Int[Tensor, " n"],
        *,
        steps: int | None = None,
    ) -> None:
        """Freeze the backbone and add the adapters."""
        layers = [
            layer
            for layer in classifier.backbone.modules()
            if isinstance(layer, nn.Conv2d | nn.Linear) and layer.weight.requires_grad
        ]
        super().attach(classifier, images, labels)
        for layer in layers:
            order = [name for name, _ in layer.named_parameters(recurse=False)]
            adapter = _Adapter(layer.weight, self.rank, self.scale / self.rank)
            parametrize.register_parametrization(layer, "weight", adapter)
            self._adapted.append((layer, order))

    def detach(self, classifier: Classifier) -> None:
        """Merge the adapters into the weights, and let go of what was not frozen before."""
        for layer, order in self._adapted:
            with torch.no_grad():
                merged = layer.weight.clone()
                parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
                layer.weight.copy_(merged)
            # The weight came back behind the bias; optimisers count on the order.
            for name in order:
                value = layer.get_parameter(name)
                delattr(layer, name)
                layer.register_parameter(name, value)
        self._adapted = []
        super().detach(classifier)

    def extra_repr(self) -> str:
        """Name the settings, so that a checkpoint can tell one method from another."""
        return f"rank={self.rank}, scale={self.scale}"


class _Adapter(nn.Module):
    """Adds the product of two thin matrices, A and B of Hu et al. 2021, to a weight."""

    def __init__(self, weight: Tensor, rank: int, factor: float) -> None:
        super().__init__()
        outputs, inputs = weight.flatten(1).shape
        # Drawn on the CPU, so that every device starts from the same numbers.
        drawn = torch.randn(rank, inputs, dtype=weight.dtype) / inputs**0.5
        self.a = nn.Parameter(drawn.to(weight.device))
        self.b = nn.Parameter(weight.new_zeros(outputs, rank))
        self.factor = factor

    def forward(self, weight: Tensor) -> Tensor:
        return weight + self.factor * (self.b @ self.a).view(weight.shape)
