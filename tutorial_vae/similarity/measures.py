"""Measures that are computed from coordinates of the images, without grams."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from .activations import Reader
from .kernels import FEWEST_TO_COMPARE, check_finite, is_constant

_PAIRINGS_FOR_CHANCE = 100


@dataclass(frozen=True, eq=False)
class Measure:
    """How to compare two layers by their coordinates, (n, dimensions) each and centred.

    Attributes:
        row: makes of the first layer's coordinates what ``pair`` takes.
        column: the same for the second layer.
        pair: the similarity of two layers.
        chance: its exact mean over all ways of pairing the images, where a formula is known.
    """

    row: Callable[[Tensor], Tensor]
    column: Callable[[Tensor], Tensor]
    pair: Callable[[Tensor, Tensor], Tensor]
    chance: Callable[[Tensor, Tensor], Tensor] | None


def _unit(x: Tensor) -> Tensor:
    return x / x.norm()


def _basis(x: Tensor) -> Tensor:
    """Return an orthonormal basis of what linear maps can make of the coordinates."""
    vectors, sizes, _ = torch.linalg.svd(x, full_matrices=False)
    basis = vectors[:, sizes > max(x.shape) * torch.finfo(x.dtype).eps * sizes[0]]
    return basis if basis.shape[1] else x / x.norm()  # NaN for a constant layer


def _explained(x: Tensor, y: Tensor) -> Tensor:
    return (x.T @ y).square().sum()


def _explained_by_chance(x: Tensor, y: Tensor) -> Tensor:
    return x.square().sum() * y.square().sum() / (len(x) - 1)


def _unbiased(x: Tensor, y: Tensor) -> Tensor:
    # The inner product of the U-centred grams: with features of mean 0, each row of a gram sums
    # to 0, and without its diagonal to less that.
    n = len(x)
    x_diagonal, y_diagonal = x.square().sum(dim=1), y.square().sum(dim=1)
    inner = _explained(x, y) - x_diagonal @ y_diagonal * (1 + 2 / (n - 2))
    return inner + x_diagonal.sum() * y_diagonal.sum() / ((n - 1) * (n - 2))


def _unbiased_unit(x: Tensor) -> Tensor:
    own = _unbiased(x, x)
    return x / own.where(own > 1e-14 * _explained(x, x), math.nan).pow(0.25)


def _biased_unit(x: Tensor) -> Tensor:
    return x / _explained(x, x).pow(0.25)


def _nuclear(x: Tensor, y: Tensor) -> Tensor:
    product = x.T @ y
    if not product.isfinite().all():
        return product.new_tensor(math.nan)
    return torch.linalg.svdvals(product).sum()


MEASURES = {
    "procrustes": Measure(_unit, _unit, _nuclear, None),
    "regression": Measure(_basis, _unit, _explained, _explained_by_chance),
    "unbiased": Measure(
        _unbiased_unit, _unbiased_unit, _unbiased, lambda x, y: 0 * x.sum() * y.sum()
    ),
    "biased": Measure(_biased_unit, _biased_unit, _explained, _explained_by_chance),
}


@dataclass(frozen=True, eq=False)
class Coordinates:
    """Centred coordinates of all images in the layers of two models, and how to compare them.

    Attributes:
        rows: coordinates in each layer of the first model, (n, dimensions).
        columns: the same for the second model.
        measure: how two layers are compared.
    """

    rows: Sequence[Float[Tensor, "n _"]]
    columns: Sequence[Float[Tensor, "n _"]]
    measure: Measure

    def norms(self) -> tuple[Float[Tensor, " rows"], Float[Tensor, " columns"]]:
        """Return a size of each layer that is 0 where it does not tell images apart."""
        rows, columns = (torch.stack([x.norm().nan_to_num() for x in side]) for side in self._whole)
        return rows, columns

    def values(self) -> Float[Tensor, "rows columns"]:
        """Return the similarity of every pair: NaN for a layer that does not tell images apart."""
        return _table(self.measure.pair, *self._whole)

    def chance(self) -> Float[Tensor, "rows columns"]:
        """Return the mean of each value over all ways of pairing the images.

        Exact where a formula is known, else over 100 of them.
        """
        if self.measure.chance is not None:
            return _table(self.measure.chance, *self._whole)
        return self.permuted(_PAIRINGS_FOR_CHANCE, np.random.default_rng(0))[1].mean(dim=0)

    def half_samples(
        self, draws: int, generator: np.random.Generator
    ) -> tuple[Float[Tensor, "draws rows columns"], float, float]:
        """Return values of half of the images, the share kept, and infinity."""
        n = len(self.rows[0])
        half = n // 2
        if half < FEWEST_TO_COMPARE:
            raise ValueError(f"an interval needs at least 8 images, and there are {n}")
        halves = []
        for _ in range(draws):
            images = torch.from_numpy(generator.permutation(n)[:half])
            halves.append(_table(self.measure.pair, *self._prepared(images)))
        return torch.stack(halves), half / n, math.inf

    def permuted(
        self, permutations: int, generator: np.random.Generator
    ) -> tuple[Float[Tensor, "rows columns"], Float[Tensor, "permutations rows columns"]]:
        """Return the values, and those with the images of one model paired at random."""
        rows, columns = self._whole
        shuffled = []
        for _ in range(permutations):
            order = torch.from_numpy(generator.permutation(len(rows[0])))
            shuffled.append(_table(self.measure.pair, rows, [y[order] for y in columns]))
        return self.values(), torch.stack(shuffled)

    @cached_property
    def _whole(self) -> tuple[list[Tensor], list[Tensor]]:
        return self._prepared()

    def _prepared(self, images: Tensor | None = None) -> tuple[list[Tensor], list[Tensor]]:
        rows, columns = (
            [make(x if images is None else x[images] - x[images].mean(dim=0)) for x in side]
            for make, side in ((self.measure.row, self.rows), (self.measure.column, self.columns))
        )
        return rows, columns


def _table(
    function: Callable[[Tensor, Tensor], Tensor], rows: Sequence[Tensor], columns: Sequence[Tensor]
) -> Float[Tensor, "rows columns"]:
    return torch.stack([torch.stack([function(x, y) for y in columns]) for x in rows])


def coordinates(
    readers: Sequence[Reader], pixels: Tensor, batch_size: int, measure: str
) -> Coordinates:
    """Read each model once and keep at most n coordinates of each layer, in float64.

    Args:
        readers: the models.
        pixels: all images.
        batch_size: images per pass.
        measure: a key of ``MEASURES``.
    """
    sides = []
    for reader in readers:
        kept: list[list[Tensor]] = [[] for _ in reader.names]
        found: list[Tensor] = [torch.empty(0)] * len(reader.names)

        def keep(
            index: int,
            features: Tensor,
            reader: Reader = reader,
            kept: list[list[Tensor]] = kept,
            found: list[Tensor] = found,
        ) -> None:
            kept[index].append(features.cpu().clone())
            if sum(map(len, kept[index])) == len(pixels):
                everything = torch.cat(kept[index])
                kept[index].clear()
                check_finite(everything, reader.title(reader.names[index]))
                found[index] = _coordinates_of(everything)

        for batch in pixels.split(batch_size):
            reader.read(batch, keep)
        sides.append(found)
    return Coordinates(sides[0], sides[-1], MEASURES[measure])


def _coordinates_of(features: Float[Tensor, "n features"]) -> Float[Tensor, "n _"]:
    """Return at most n coordinates with the same distances between images, centred."""
    if is_constant(features.amin(dim=0), features.amax(dim=0)):
        return torch.zeros(len(features), 1, dtype=torch.float64)
    x = features.double()
    x = x - x.mean(dim=0)
    return x if x.shape[1] <= len(x) else torch.linalg.qr(x.T, mode="r").R.T


def gram_and_feature_costs(
    n: int, features_a: Sequence[int], features_b: Sequence[int]
) -> tuple[int, int]:
    r"""Cost of linear CKA of all pairs of layers, by grams and by features, in multiply-adds.

    A gram takes :math:`n^2 p` a layer, and :math:`n^2` more a pair. The feature form takes
    :math:`n p q` a pair, those of a layer with itself included.

    Args:
        n: number of images.
        features_a: features of each layer of the first model.
        features_b: the same for the second model.

    Returns:
        The cost of the gram form and of the feature form.
    """
    own = [p * p for p in (*features_a, *features_b)]
    grams = n * n * (sum(features_a) + sum(features_b) + len(features_a) * len(features_b))
    return grams, n * (sum(features_a) * sum(features_b) + sum(own))
