"""DELTA: feature maps stay near those of the start, where they matter to the task."""

import copy
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear

from ..checks import check_weight
from ..data.imageset import as_float
from .backbones import Backbone
from .classifiers import Classifier
from .l2_sp import squared_norm
from .method import Batch, Method

_ATTENTION_IMAGES = 256  # at most, on which attention is measured


class DELTA(Method):
    r"""Hold the feature maps near those of the start, those channels most that matter to the task.

    .. math::
        \begin{gathered}
        \Omega = \frac{\alpha}{2n} \sum_{i,s} \frac{C_s}{P_s} \sum_c a_{sc}\, d_{isc}^2 \cr
        {} + \frac\beta2 \lVert v \rVert^2 , \cr
        d_{isc} = \left\lVert F_{sc}(x_i; w) - F_{sc}(x_i; w_0) \right\rVert
        \end{gathered}

    :math:`F_{sc}` is channel c, with :math:`P_s` pixels, of the :math:`C_s` channels of the
    backbone's stage s; the head's weights are v. The maps at the start come from a frozen copy in
    evaluation mode. A channel's attention tells by how much the loss grows without it:

    .. math:: a_{sc} = \mathrm{softmax}_c \left(L(w_0 \setminus sc) - L(w_0)\right)

    L is the mean cross-entropy in nats of at most 256 of the target's images, drawn at random, with
    the channel's map set to zero and a head that was fitted to their features at the start:
    multinomial logistic regression on standardised features, with half the squared weights as a
    penalty on the summed loss.

    Args:
        strength: α, by default the number of the authors' code. It multiplies a sum over the batch
            there and a mean here: small networks whose batch statistics change with the images
            need the slack.
        head_strength: β, by default that of the authors' code.

    Attributes:
        start: the frozen copy of the backbone, once attached.

    Raises:
        ValueError: a strength is negative or infinite.

    Reference: Li et al. 2019. The scale :math:`C_s / P_s` is that of the authors' code, which also
    standardises the growths of the loss and divides them by 5 before the softmax; the paper and
    this method do not.
    """

    start: Backbone

    def __init__(self, strength: float = 0.01, *, head_strength: float = 0.01) -> None:
        super().__init__()
        check_weight("strength", strength)
        check_weight("head_strength", head_strength)
        self.strength = strength
        self.head_strength = head_strength
        self._watch = ExitStack()
        self._maps: dict[str, Tensor] = {}

    @property
    def attention(self) -> dict[str, Float[Tensor, " channels"]]:
        """The attention of each stage's channels, by its name, which sums to 1; once attached."""
        stages = self.start.stages
        return {name: self.get_buffer(f"attention{i}") for i, name in enumerate(stages)}

    def attach(
        self,
        classifier: Classifier,
        images: UInt8[Tensor, "n channels height width"],
        labels: Int[Tensor, " n"],
        *,
        steps: int | None = None,
    ) -> None:
        """Copy the backbone, measure the attention, and watch the feature maps."""
        self.start = copy.deepcopy(classifier.backbone).requires_grad_(False).eval()
        chosen = torch.randperm(len(images))[:_ATTENTION_IMAGES]
        device = classifier.head.weight.device
        growths = channel_importance(
            self.start,
            as_float(images[chosen].to(device)),
            labels[chosen].to(device),
            classifier.classes,
        )
        for index, name in enumerate(self.start.stages):
            self.register_buffer(f"attention{index}", growths[name].softmax(dim=0))
        self._maps = self._watch.enter_context(_stage_outputs(classifier.backbone))

    def penalty(
        self, classifier: Classifier, source: Batch, target: Batch | None = None
    ) -> Float[Tensor, ""]:
        """Return the weighted squared distance of the maps of this pass from those of the start."""
        # Taken out, so that this step's graph does not outlive it.
        maps = {name: self._maps.pop(name) for name in self.start.stages}
        half = any(values.dtype == torch.bfloat16 for values in maps.values())
        place = source.x.device.type
        # In the precision in which the classifier passed, which else would count as a difference.
        with (
            torch.no_grad(),
            torch.autocast(place, torch.bfloat16, enabled=half),
            _stage_outputs(self.start) as before,
        ):
            self.start(source.x)
        distance = classifier.head.weight.new_zeros(())
        for name, attention in self.attention.items():
            # In bfloat16 the small differences would be lost.
            now = maps[name][: len(source.x)]  # images of a target follow
            moved = (now.to(attention) - before[name].to(attention)).square()
            per_channel = moved.flatten(2).mean(dim=2) if moved.ndim > 2 else moved
            distance = distance + len(attention) * (attention * per_channel).sum(dim=1).mean()
        head = squared_norm(classifier.head)
        return 0.5 * (self.strength * distance + self.head_strength * head)

    def detach(self, classifier: Classifier) -> None:
        """Stop watching the feature maps."""
        self._watch.close()
        self._maps = {}

    def train(self, mode: bool = True) -> "DELTA":
        """Set the mode, which the copy of the backbone does not follow: it stays in evaluation."""
        super().train(mode)
        if hasattr(self, "start"):
            self.start.eval()
        return self

    def __repr__(self) -> str:
        # Without the copy of the backbone, which would fill pages.
        return f"DELTA(strength={self.strength}, head_strength={self.head_strength})"


@torch.no_grad()
def channel_importance(
    backbone: Backbone,
    x: Float[Tensor, "n channels height width"],
    labels: Int[Tensor, " n"],
    classes: int,
) -> dict[str, Float[Tensor, " stage_channels"]]:
    """Return by how much the loss grows when a channel of a stage is set to zero, for each stage.

    Args:
        backbone: in evaluation mode. It is left as it was.
        x: images in [0, 1].
        labels: their classes.
        classes: how many classes there are.

    Returns:
        For each stage by its name the growth for each channel: mean cross-entropy in nats per
        image of a head that was fitted to the features of these images.

    Raises:
        ValueError: the backbone gives features that are not finite.

    Reference: Li et al. 2019.
    """
    backbone = copy.deepcopy(backbone)
    with _stage_outputs(backbone) as maps:
        features = backbone(x)
    if not features.isfinite().all():
        raise ValueError(
            "backbone gives features that are not finite: its weights are damaged, or the images "
            "do not lie in [0, 1]"
        )
    head = _fitted_head(features, labels, classes)
    loss = cross_entropy(linear(features, *head), labels)
    growths = {}
    for name, kept in maps.items():
        # What lies before the stage need not be computed again for every channel.
        replay = _Replay(kept)
        backbone.set_submodule(name, replay)
        losses = []
        for channel in range(kept.shape[1]):
            replay.output = kept.clone()
            replay.output[:, channel] = 0
            losses.append(cross_entropy(linear(backbone(x), *head), labels))
        replay.output = kept
        growths[name] = torch.stack(losses) - loss
    return growths


def _fitted_head(
    features: Float[Tensor, "n features"], labels: Int[Tensor, " n"], classes: int
) -> tuple[Float[Tensor, "classes features"], Float[Tensor, " classes"]]:
    """Return weight and bias of multinomial logistic regression on standardised features."""
    mean, deviation = features.mean(dim=0), features.std(dim=0, correction=0)
    # A feature that never varies has nothing to say, whatever rounding leaves of it.
    scale = torch.where(deviation > 1e-6 * features.abs().amax(dim=0), 1 / deviation, 0.0)
    standard = (features - mean) * scale
    weight = features.new_zeros(classes, features.shape[1], requires_grad=True)
    bias = features.new_zeros(classes, requires_grad=True)
    solver = torch.optim.LBFGS([weight, bias], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        solver.zero_grad()
        value = cross_entropy(standard @ weight.T + bias, labels)
        value = value + weight.square().sum() / (2 * len(labels))
        value.backward()
        return value

    with torch.enable_grad():
        solver.step(loss)
    return weight * scale, bias - (weight * scale) @ mean


@contextmanager
def _stage_outputs(backbone: Backbone) -> Iterator[dict[str, Tensor]]:
    """Collect what each stage of a backbone returned last, by its name."""
    outputs: dict[str, Tensor] = {}
    with ExitStack() as hooks:
        for name in backbone.stages:
            stage = backbone.get_submodule(name)
            hook = stage.register_forward_hook(partial(_keep, outputs, name))
            hooks.callback(hook.remove)
        yield outputs


def _keep(
    outputs: dict[str, Tensor], name: str, _module: nn.Module, _inputs: object, output: Tensor
) -> None:
    outputs[name] = output


class _Replay(nn.Module):
    """Stands in for a stage and returns what it is told to."""

    def __init__(self, output: Tensor) -> None:
        super().__init__()
        self.output = output

    def forward(self, _: object) -> Tensor:
        return self.output
