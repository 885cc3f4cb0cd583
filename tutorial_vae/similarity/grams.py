"""Whole grams, of all images or of each batch, and what they say about a value's uncertainty."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from .activations import Reader
from .kernels import FEWEST_TO_COMPARE, RBF, centred_gram


@dataclass(frozen=True, eq=False)
class Grams:
    """Centred grams of all layers of two models, for one batch of images or several.

    The estimator is a ratio of HSICs averaged over the batches, each weighted by its size. One
    batch of all images gives the plain estimator.

    Attributes:
        rows: for each batch, the grams of the first model, (layers, n, n).
        columns: for each batch, the grams of the second model.
        centring: ``"unbiased"`` or ``"biased"``, as in :func:`centre_gram`, or ``"pairs"``, for
            numbers about pairs of images that have mean 0 over all pairs.
    """

    rows: Sequence[Float[Tensor, "rows _ _"]]
    columns: Sequence[Float[Tensor, "columns _ _"]]
    centring: str

    def norms(self) -> tuple[Float[Tensor, " rows"], Float[Tensor, " columns"]]:
        """Return the root of the averaged HSIC of each layer with itself."""
        return self._both_norms

    @cached_property
    def _both_norms(self) -> tuple[Float[Tensor, " rows"], Float[Tensor, " columns"]]:
        weights = torch.tensor(self._weights(), dtype=torch.float64)
        rows, columns = (
            weights @ torch.stack([_norms(grams).square() for grams in side])
            for side in (self.rows, self.columns)
        )
        return rows.sqrt(), columns.sqrt()

    def values(self) -> Float[Tensor, "rows columns"]:
        """Return the similarity of every pair: 0/0, which is NaN, for a layer of zeros."""
        total = sum(
            weight * rows.flatten(1).double() @ columns.flatten(1).double().T
            for weight, rows, columns in self._batches()
        )
        return total / torch.outer(*self.norms())

    def chance(self) -> Float[Tensor, "rows columns"]:
        """Return the exact mean of each value over all ways of pairing images within batches.

        Under a random order of one side each diagonal entry meets the mean diagonal entry of the
        other, and each of the rest the mean of the rest. As all entries sum to 0, both means
        follow from the trace, which U-centring makes 0.
        """
        total = sum(
            weight * torch.outer(_traces(rows), _traces(columns)) / (rows.shape[-1] - 1)
            for weight, rows, columns in self._batches()
        )
        return total / torch.outer(*self.norms())

    def half_samples(
        self, draws: int, generator: np.random.Generator
    ) -> tuple[Float[Tensor, "draws rows columns"], float, float]:
        """Return values of half of the images of each batch, the share kept, and infinity.

        The last number is that of degrees of freedom: the draws are of single images.
        """
        sizes = [rows.shape[-1] for rows in self.rows]
        if min(sizes) < 2 * FEWEST_TO_COMPARE:
            where = (
                f"batches of at least {2 * FEWEST_TO_COMPARE}" if len(sizes) > 1 else "at least 8"
            )
            raise ValueError(f"an interval needs {where} images, and there are {min(sizes)}")
        halves = [size // 2 for size in sizes]
        cross = torch.zeros(draws, self.rows[0].shape[0], self.columns[0].shape[0]).double()
        own_rows, own_columns = (
            torch.zeros(draws, len(s[0])).double() for s in (self.rows, self.columns)
        )
        for half, weight, (_, rows, columns) in zip(
            halves, self._weights(halves), self._batches(), strict=True
        ):
            kept = torch.zeros(draws, rows.shape[-1], dtype=torch.float64)
            for draw in kept:
                draw[generator.permutation(rows.shape[-1])[:half]] = 1
            within = _Subsets(kept, half, self.centring)
            rows, columns = rows.double(), columns.double()
            row_sums, column_sums = ([within.sums(gram) for gram in s] for s in (rows, columns))
            for total, own, sums in (
                (own_rows, rows, row_sums),
                (own_columns, columns, column_sums),
            ):
                for layer, gram in enumerate(own):
                    squares = within.products(gram, gram, sums[layer], sums[layer])
                    rounding = 1e-12 * gram.square().sum()
                    total[:, layer] += weight * squares.where(squares > rounding, 0.0)
            for i, gram_a in enumerate(rows):
                for j, gram_b in enumerate(columns):
                    products = within.products(gram_a, gram_b, row_sums[i], column_sums[j])
                    cross[:, i, j] += weight * products
        own_rows, own_columns = (s.where(s > 0, math.nan).sqrt() for s in (own_rows, own_columns))
        values = cross / (own_rows[:, :, None] * own_columns[:, None])
        return values, sum(halves) / sum(sizes), math.inf

    def permuted(
        self, permutations: int, generator: np.random.Generator
    ) -> tuple[Float[Tensor, "rows columns"], Float[Tensor, "permutations rows columns"]]:
        """Return the values, and those with the images of one model paired at random in batches."""
        total = torch.zeros(permutations, len(self.rows[0]), len(self.columns[0])).double()
        for weight, rows, columns in self._batches():
            flat, columns = rows.flatten(1).double(), columns.double()
            shuffled = torch.empty_like(columns)
            for values in total:
                order = torch.from_numpy(generator.permutation(rows.shape[-1]))
                for gram, out in zip(columns, shuffled, strict=True):
                    # Several times faster than indexing with the order.
                    torch.index_select(gram.index_select(0, order), 1, order, out=out)
                values += weight * flat @ shuffled.flatten(1).T
        return self.values(), total / torch.outer(*self.norms())

    def _weights(self, sizes: Sequence[int] | None = None) -> list[float]:
        # Size times 1 / (size (size - 3)), the divisor of the unbiased HSIC.
        sizes = sizes or [rows.shape[-1] for rows in self.rows]
        return [1 / (size - 3) for size in sizes] if len(sizes) > 1 else [1.0]

    def _batches(self) -> Iterator[tuple[float, Tensor, Tensor]]:
        return zip(self._weights(), self.rows, self.columns, strict=True)


def _norms(grams: Float[Tensor, "layers n n"]) -> Float[Tensor, " layers"]:
    return torch.linalg.vector_norm(grams, dim=(1, 2), dtype=torch.float64)


def _traces(grams: Float[Tensor, "layers n n"]) -> Float[Tensor, " layers"]:
    return grams.diagonal(dim1=1, dim2=2).double().sum(dim=1)


def centring_terms(size: int, centring: str) -> tuple[float, float]:
    """Return what centring within a subset adds to an inner product of raw grams.

    The first number multiplies the product of their row sums (and is to be subtracted), the second
    that of their totals.
    """
    if centring == "unbiased":
        return 2 / (size - 2), 1 / ((size - 1) * (size - 2))
    if centring == "biased":
        return 2 / size, 1 / size**2
    return 0.0, -1 / (size * (size - 1))


@dataclass
class _Subsets:
    """Subsets of as many images each, one row of ones among zeros in ``kept`` for each.

    Centring ignores what is added to a whole row and its column, so a part of a centred gram can
    be centred again as if it came from the raw one. Here that happens inside the inner product:
    for all subsets at once, the quadratic form w′(K∘L)w and what row sums and totals add.
    """

    kept: Float[Tensor, "draws n"]
    size: int
    centring: str

    def sums(self, gram: Float[Tensor, "n n"]) -> Float[Tensor, "draws n"]:
        """Return the row sums of a gram within each subset."""
        return (self.kept @ gram) * self.kept

    def products(
        self,
        gram_a: Float[Tensor, "n n"],
        gram_b: Float[Tensor, "n n"],
        sums_a: Float[Tensor, "draws n"],
        sums_b: Float[Tensor, "draws n"],
    ) -> Float[Tensor, " draws"]:
        """Return the inner product of two grams within each subset."""
        row_weight, total_weight = centring_terms(self.size, self.centring)
        inner = ((self.kept @ (gram_a * gram_b)) * self.kept).sum(dim=1)
        inner -= row_weight * (sums_a * sums_b).sum(dim=1)
        return inner + total_weight * sums_a.sum(dim=1) * sums_b.sum(dim=1)


def minibatch_grams(
    readers: Sequence[Reader],
    pixels: Tensor,
    batch_size: int,
    kernel: str | RBF,
    precision: str,
    seed: int,
) -> Grams:
    """Read every batch once, and keep its grams alone: n · batch_size numbers a layer.

    Raises:
        ValueError: the last batch would hold fewer than 4 images, or the kernel's bandwidth would
            differ between batches.
    """
    n = len(pixels)
    last = n % batch_size or batch_size
    if min(last, batch_size) < FEWEST_TO_COMPARE:
        raise ValueError(
            f"batch_size {batch_size} cuts {n} images into batches the last of which has {last}, "
            f"and each needs at least {FEWEST_TO_COMPARE}: choose another batch_size"
        )
    need_bandwidth(kernel)
    order = torch.from_numpy(np.random.default_rng(seed).permutation(n))
    batches = order.split(batch_size)
    kind = torch.float64 if precision == "64" else torch.float32
    grams: list[list[Tensor]] = [[] for _ in readers]
    scales = [[0.0] * len(reader.names) for reader in readers]
    for batch in batches:
        for side, reader in enumerate(readers):
            stored = torch.empty(len(reader.names), len(batch), len(batch), dtype=kind)

            def keep(
                index: int,
                features: Tensor,
                reader: Reader = reader,
                stored: Tensor = stored,
                scale: list[float] = scales[side],
            ) -> None:
                name = reader.title(reader.names[index])
                gram = centred_gram(features, name, kernel, "unbiased", precision)
                # One scale for all batches of a layer, which brings any layer into float32's range.
                scale[index] = scale[index] or (1 / size if (size := gram.norm().item()) else 0.0)
                stored[index] = gram.mul_(scale[index])

            reader.read(pixels[batch], keep)
            grams[side].append(stored)
    return Grams(grams[0], grams[-1], "unbiased")


def need_bandwidth(kernel: str | RBF) -> None:
    """Raise a ValueError for a kernel whose bandwidth depends on all images together."""
    if kernel == "rbf" or (isinstance(kernel, RBF) and kernel.bandwidth is None):
        raise ValueError(
            f"kernel {kernel!r} takes its bandwidth from the distances between all images, which "
            "are never in memory together here: use RBF(bandwidth=...), or fewer images and "
            "mode='exact'"
        )


def whole_grams(
    readers: Sequence[Reader],
    pixels: Tensor,
    batch_size: int,
    kernel: str | RBF,
    centring: str,
    precision: str,
) -> Grams:
    """Read each model once, keep its activations, and turn them into grams of all images."""
    sides = []
    for reader in readers:
        kept: list[list[Tensor]] = [[] for _ in reader.names]
        grams = torch.empty(len(reader.names), len(pixels), len(pixels), dtype=torch.float64)

        def keep(
            index: int,
            features: Tensor,
            reader: Reader = reader,
            kept: list[list[Tensor]] = kept,
            grams: Tensor = grams,
        ) -> None:
            kept[index].append(features.clone())
            if sum(map(len, kept[index])) == len(pixels):
                everything = torch.cat(kept[index])
                kept[index].clear()
                name = reader.title(reader.names[index])
                grams[index] = centred_gram(everything, name, kernel, centring, precision)

        for batch in pixels.split(batch_size):
            reader.read(batch, keep)
        sides.append(grams)
    return Grams([sides[0]], [sides[-1]], centring)
