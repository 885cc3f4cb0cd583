"""Exact values for more images than whole grams have room for."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from .activations import Reader
from .grams import Grams, centring_terms, need_bandwidth
from .kernels import RBF, cancels, centre_gram, check_finite, is_constant, products, rbf_values

FEWEST_BLOCKS = 16  # an interval counts the blocks, and 15 degrees of freedom are enough for one
_IMAGES_A_TEST = 64


@dataclass(frozen=True, eq=False)
class BlockSums:
    """What is left of grams that were seen one block of images against another at a time.

    Attributes:
        cross: sum of K ∘ L over each pair of blocks, (blocks, blocks, rows, columns).
        own: the same sums of K ∘ K and of L ∘ L, (blocks, blocks, layers) each.
        sums: row sums of each gram within each block of columns, (layers, n, blocks) each.
        traces: sum of each gram's diagonal, (layers,) each.
        sizes: images of each block, in the order of the rows.
        estimator: ``"unbiased"`` (the diagonals are left out of all sums but the traces) or
            ``"biased"``.
        diagonal: U-centred grams of small groups of images, for the permutation test.
    """

    cross: Float[Tensor, "blocks blocks rows columns"]
    own: tuple[Float[Tensor, "blocks blocks rows"], Float[Tensor, "blocks blocks columns"]]
    sums: tuple[Float[Tensor, "rows n blocks"], Float[Tensor, "columns n blocks"]]
    traces: tuple[Float[Tensor, " rows"], Float[Tensor, " columns"]]
    sizes: tuple[int, ...]
    estimator: str
    diagonal: Grams

    def norms(self) -> tuple[Float[Tensor, " rows"], Float[Tensor, " columns"]]:
        """Return the root of each layer's HSIC with itself, up to a common factor."""
        _, rows, columns = self._within(torch.ones(len(self.sizes), dtype=torch.bool))
        return rows.sqrt(), columns.sqrt()

    def values(self) -> Float[Tensor, "rows columns"]:
        """Return the similarity of every pair: 0/0, which is NaN, for a layer of zeros."""
        return _ratio(*self._within(torch.ones(len(self.sizes), dtype=torch.bool)))

    def chance(self) -> Float[Tensor, "rows columns"]:
        """Return the exact mean of each value over all ways of pairing the images."""
        n = sum(self.sizes)
        if self.estimator == "unbiased":
            return 0 * self.values()
        rows, columns = (
            trace - sums.sum(dim=(1, 2)) / n
            for trace, sums in zip(self.traces, self.sums, strict=True)
        )
        return torch.outer(rows, columns) / (n - 1) / torch.outer(*self.norms())

    def half_samples(
        self, draws: int, generator: np.random.Generator
    ) -> tuple[Float[Tensor, "draws rows columns"], float, float]:
        """Return exact values of half of the blocks, the share of them, and degrees of freedom.

        Blocks hold images in random order, so a block is a draw from their source like an image;
        as there are few, their spread is uncertain, which the degrees of freedom say.
        """
        blocks = len(self.sizes)
        values = []
        for _ in range(draws):
            kept = torch.zeros(blocks, dtype=torch.bool)
            kept[generator.permutation(blocks)[: blocks // 2]] = True
            values.append(_ratio(*self._within(kept)))
        return torch.stack(values), (blocks // 2) / blocks, float(blocks - 1)

    def permuted(
        self, permutations: int, generator: np.random.Generator
    ) -> tuple[Float[Tensor, "rows columns"], Float[Tensor, "permutations rows columns"]]:
        """Permute images within groups of about 64, whose grams are the diagonal of the whole one.

        The test is exact, for its statistic is the minibatch estimator of the groups. It needs
        n · 64 numbers a layer instead of n², and detects values above about 2 √(2 / (64 n)).
        """
        return self.diagonal.permuted(permutations, generator)

    def _within(self, kept: Bool[Tensor, " blocks"]) -> tuple[Tensor, Tensor, Tensor]:
        """Return the inner products of the grams of some blocks, centred within them."""
        sizes = torch.tensor(self.sizes)
        n = int(sizes[kept].sum())
        row_weight, total_weight = centring_terms(n, self.estimator)
        images = kept.repeat_interleave(sizes)
        rows, columns = (s[:, images][:, :, kept].sum(dim=2) for s in self.sums)
        totals = rows.sum(dim=1), columns.sum(dim=1)

        def raw(sums: Tensor) -> Tensor:
            return sums[kept][:, kept].sum(dim=(0, 1))

        cross = raw(self.cross) - row_weight * rows @ columns.T
        squares = []
        for own, r, t in zip(self.own, (rows, columns), totals, strict=True):
            square = raw(own) - row_weight * r.square().sum(dim=1) + total_weight * t.square()
            # What centring leaves of images that are all equally far apart is rounding.
            squares.append(square.where(square > 1e-14 * raw(own), 0.0))
        return cross + total_weight * torch.outer(*totals), squares[0], squares[1]


def _ratio(
    cross: Float[Tensor, "rows columns"],
    rows: Float[Tensor, " rows"],
    columns: Float[Tensor, " columns"],
) -> Float[Tensor, "rows columns"]:
    rows, columns = (own.where(own > 0, math.nan).sqrt() for own in (rows, columns))
    return cross / torch.outer(rows, columns)


@dataclass
class _Layer:
    """A layer's features' sums and extremes over all images, from the first pass."""

    total: Float[Tensor, " features"]
    low: Float[Tensor, " features"]
    high: Float[Tensor, " features"]

    def add(self, features: Float[Tensor, "batch features"]) -> None:
        self.total += features.sum(dim=0, dtype=self.total.dtype)
        self.low = torch.minimum(self.low, features.amin(dim=0))
        self.high = torch.maximum(self.high, features.amax(dim=0))


class _Side:
    """One model: the activations of the block in hand, and grams of it against others."""

    def __init__(self, reader: Reader, pixels: Tensor, batch_size: int, precision: str) -> None:
        self.reader = reader
        self.pixels = pixels
        self.batch_size = batch_size
        layers: list[_Layer | None] = [None] * len(reader.names)

        def add(index: int, features: Tensor) -> None:
            features = _on_a_device_with_float64(features)
            layer = layers[index]
            if layer is None:
                total = torch.zeros(features.shape[1:], dtype=torch.float64, device=features.device)
                layer = layers[index] = _Layer(total, features[0].clone(), features[0].clone())
            layer.add(features)

        self._each(torch.arange(len(pixels)), add)
        self.centres, self.precisions, self.constant = [], [], []
        self.held: list[Tensor] = []
        for name, layer in zip(reader.names, layers, strict=True):
            assert layer is not None  # read() saw every layer
            check_finite(layer.total[None], reader.title(name))
            self.centres.append(layer.total / len(pixels))
            self.constant.append(is_constant(layer.low, layer.high))
            size = (layer.high.double() - layer.low.double()).norm().item()
            self.precisions.append(precision if 1e-12 < size < 1e12 else "64")
            self.held.append(layer.low.new_empty(0, len(layer.low)))
        self.squared_norms = [torch.empty(0)] * len(reader.names)
        self.traces = [0.0] * len(reader.names)

    def _each(self, images: Tensor, consume: Callable[[int, Tensor], None]) -> None:
        for batch in images.split(self.batch_size):
            self.reader.read(self.pixels[batch], consume)

    def hold(self, block: Tensor) -> None:
        """Keep the activations of a block, where those of the first, the largest, were."""
        for index, last in enumerate(self.held):
            room = last if len(last) else last.new_empty(len(block), last.shape[1])
            self.held[index] = room[: len(block)]
        filled = [0] * len(self.held)

        def keep(index: int, features: Tensor) -> None:
            start = filled[index]
            filled[index] += len(features)
            self.held[index][start : filled[index]] = features

        self._each(block, keep)

    def gram(self, index: int, other: Tensor | None, kernel: str | RBF) -> Tensor:
        """Return the kernel between the block and itself, which comes first, or others."""
        x, centre = self.held[index], self.centres[index]
        if self.constant[index]:
            m = len(x if other is None else other)
            return torch.zeros(len(x), m, dtype=torch.float64, device=x.device)
        result = products(x, self.precisions[index], y=other, centre=centre)
        if other is None:
            self.squared_norms[index] = result.diagonal().double()
            self.traces[index] += self.squared_norms[index].sum().item()
        if kernel == "linear":
            return result
        own = others = self.squared_norms[index]
        if other is not None:
            others = (other.double() - centre).square().sum(dim=1)
        return rbf_values(result, own, others, kernel)

    def grams(self, block: Tensor | None, kernel: str | RBF) -> Tensor:
        """Return all layers' kernels of the block in hand with another one, or with itself."""
        held = range(len(self.held))
        if block is None:
            return torch.stack([self.gram(index, None, kernel).double() for index in held])
        parts: list[list[Tensor]] = [[] for _ in held]

        def add(index: int, x: Tensor) -> None:
            parts[index].append(self.gram(index, _on_a_device_with_float64(x), kernel))

        self._each(block, add)
        return torch.stack([torch.cat(part, dim=1).double() for part in parts])


def block_sums(
    readers: Sequence[Reader],
    pixels: Tensor,
    batch_size: int,
    blocks: int,
    kernel: str | RBF,
    estimator: str,
    precision: str,
    seed: int,
) -> BlockSums:
    """See every block of images against every other: (blocks + 1) / 2 + 1 passes of each model.

    Raises:
        ValueError: the kernel's bandwidth depends on all images together.
    """
    need_bandwidth(kernel)
    precision = precision if kernel == "linear" else "64"
    n = len(pixels)
    # In random order, or the blocks of a sorted data set would differ from each other.
    order = torch.from_numpy(np.random.default_rng(seed).permutation(n))
    parts = order.tensor_split(blocks)
    starts = np.cumsum([0, *map(len, parts)])
    sides = [_Side(reader, pixels, batch_size, precision) for reader in readers]
    counts = [len(side.reader.names) for side in (sides[0], sides[-1])]
    cross = torch.zeros(blocks, blocks, *counts, dtype=torch.float64)
    own = tuple(torch.zeros(blocks, blocks, count, dtype=torch.float64) for count in counts)
    sums = tuple(torch.zeros(count, n, blocks, dtype=torch.float64) for count in counts)
    traces = tuple(torch.zeros(count, dtype=torch.float64) for count in counts)
    groups: tuple[list[Tensor], list[Tensor]] = ([], [])
    for i, block in enumerate(parts):
        for side in sides:
            side.hold(block)
        for j in range(i, blocks):
            made = [side.grams(parts[j] if j > i else None, kernel) for side in sides]
            pair = (made[0], made[-1])
            if i == j:
                for grams, trace, group in zip(pair, traces, groups, strict=True):
                    trace += grams.diagonal(dim1=1, dim2=2).sum(dim=1).cpu()
                    group += _groups(grams)
                if estimator == "unbiased":
                    for grams in made:
                        grams.diagonal(dim1=1, dim2=2).zero_()
            flat = [grams.flatten(1) for grams in pair]
            cross[i, j] = cross[j, i] = (flat[0] @ flat[1].T).cpu()
            for side_own, side_sums, grams in zip(own, sums, pair, strict=True):
                side_own[i, j] = side_own[j, i] = grams.square().sum(dim=(1, 2)).cpu()
                side_sums[:, starts[i] : starts[i + 1], j] = grams.sum(dim=2).cpu()
                side_sums[:, starts[j] : starts[j + 1], i] = grams.sum(dim=1).cpu()
    found = BlockSums(
        cross=cross,
        own=(own[0], own[1]),
        sums=(sums[0], sums[1]),
        traces=(traces[0], traces[1]),
        sizes=tuple(map(len, parts)),
        estimator=estimator,
        diagonal=Grams(*groups, "unbiased"),
    )
    ends = zip((sides[0], sides[-1]), found.own, found.norms(), strict=True)
    for side, squares, norms in ends:
        before = squares.sum(dim=(0, 1)).sqrt().tolist()
        terms = zip(side.traces, before, norms.tolist(), strict=True)
        if precision != "64" and any(cancels(*term, precision) for term in terms):
            return block_sums(readers, pixels, batch_size, blocks, kernel, estimator, "64", seed)
    return found


def _groups(grams: Float[Tensor, "layers n n"]) -> list[Float[Tensor, "layers m m"]]:
    """Cut the grams of groups of images out of those of a block, and U-centre them."""
    n = grams.shape[-1]
    found = []
    for images in torch.arange(n).tensor_split(max(1, n // _IMAGES_A_TEST)):
        part = grams[:, images[0] : images[-1] + 1, images[0] : images[-1] + 1].cpu().clone()
        found.append(torch.stack([centre_gram(gram, "unbiased") for gram in part]))
    return found


def _on_a_device_with_float64(features: Tensor) -> Tensor:
    # Apple's GPUs have no float64.
    return features.cpu() if features.device.type == "mps" else features
