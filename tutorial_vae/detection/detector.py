"""A small detector without anchors, on the last feature map of any backbone."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from ..adaptation.backbones import Backbone
from ..devices import device_of, evaluation_mode

_HIDDEN = 64  # channels of the head
_FIRST_SCORE = 0.01  # of every class in every cell before training, as Lin et al. 2017 begin


class CellPredictions(NamedTuple):
    """What a detector says of every cell of its feature map, rows first.

    ``logits`` has one number for each class, ``boxes`` has x0, y0, x1, y1 in pixels, which may
    reach beyond the picture.
    """

    logits: Float[Tensor, "batch cells classes"]
    boxes: Float[Tensor, "batch cells 4"]


class Detector(nn.Module):
    r"""A backbone and a small head that says of each cell what lies there and how far it reaches.

    A cell whose centre is at (x, y) gives a logit for each class, and the distances of a box's
    four sides from that centre,

    .. math:: (\ell, t, r, b) = s \, \mathrm{softplus}(u) ,

    in pixels, where s is the pixels from one cell to the next and u what the head computes. The
    box is :math:`(x - \ell, y - t, x + r, y + b)`. A cell can only stand for an object that holds
    its centre: objects much smaller than a cell are not found.

    As in FCOS, but with one feature map, the backbone's last stage, instead of a pyramid, and
    without its centre-ness score.

    Args:
        backbone: what gives the feature map. It is taken as it is, not copied.
        class_names: what there is to find.

    Attributes:
        backbone: as given.
        class_names: as given.
        image_shape: what the backbone reads.
        head: the layers between the feature map and the cells, with fresh weights.
        centres: x and y of every cell's centre in pixels, of shape (cells, 2).

    Raises:
        ValueError: there is no class name.

    Reference: Tian et al. 2019.
    """

    centres: Float[Tensor, "cells 2"]
    _cell: Float[Tensor, " 2"]

    def __init__(self, backbone: Backbone, class_names: Sequence[str]) -> None:
        super().__init__()
        if isinstance(class_names, str) or not class_names:
            raise ValueError(
                f"class_names must be a list of at least one name, not {class_names!r}"
            )
        self.backbone = backbone
        self.class_names = tuple(class_names)
        self.image_shape = backbone.image_shape
        channels, rows, columns = self._map_shape()
        _, height, width = self.image_shape
        cell = torch.tensor([width / columns, height / rows])
        y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        centres = (torch.stack([x, y], dim=-1).view(-1, 2) + 0.5) * cell
        self.register_buffer("_cell", cell, persistent=False)
        self.register_buffer("centres", centres, persistent=False)
        self.head = nn.ModuleDict(
            {
                "shared": nn.Sequential(nn.Conv2d(channels, _HIDDEN, 3, padding=1), nn.ReLU()),
                "logits": nn.Conv2d(_HIDDEN, len(self.class_names), 1),
                "sides": nn.Conv2d(_HIDDEN, 4, 1),
            }
        )
        # Almost all cells are empty: starting from even odds, they would drown the rest.
        nn.init.constant_(
            self.head["logits"].bias,  # type: ignore[arg-type]
            math.log(_FIRST_SCORE / (1 - _FIRST_SCORE)),
        )
        self.to(device_of(backbone))

    @property
    def structure(self) -> list[Any]:
        """What tells a detector from others in a checkpoint: kind and sizes of its parts."""
        shapes = [list(value.shape) for value in self.backbone.parameters()]
        return [type(self.backbone).__name__, shapes, list(self.class_names)]

    def feature_map(
        self, x: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch features rows columns"]:
        """Return what the backbone's last stage makes of images in [0, 1]."""
        outputs: list[Tensor] = []
        stage = self.backbone.get_submodule(self.backbone.stages[-1])
        hook = stage.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
        try:
            self.backbone(x)
        finally:
            hook.remove()
        return outputs[-1]

    def forward(self, x: Float[Tensor, "batch channels height width"]) -> CellPredictions:
        """Return the logits and the box of every cell for images in [0, 1]."""
        shared = self.head["shared"](self.feature_map(x))
        logits, sides = (
            self.head[name](shared).float().flatten(2).transpose(1, 2)
            for name in ("logits", "sides")
        )
        distances = softplus(sides) * self._cell.repeat(2)
        boxes = torch.cat(
            [self.centres - distances[..., :2], self.centres + distances[..., 2:]], -1
        )
        return CellPredictions(logits, boxes)

    @torch.no_grad()
    def _map_shape(self) -> tuple[int, int, int]:
        """Return channels, rows and columns of the feature map."""
        # An image without anything must not move batch statistics.
        with evaluation_mode(self.backbone) as device:
            black = torch.zeros(1, *self.image_shape, device=device)
            channels, rows, columns = self.feature_map(black).shape[1:]
        return channels, rows, columns
