"""All pairs of layers of two models in one pass, with chance level, intervals and p-values."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..data import ImageSet
from ..data.imageset import image_tensor
from ..models import VAE, resolve_device
from .kernels import (
    FEWEST_IMAGES,
    RBF,
    centred_gram,
    check_options,
    cosines,
    gram_norms,
    warn_if_undefined,
)

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False)
class LayerSimilarity:
    """CKA between every layer of one model (rows) and every layer of another (columns).

    Attributes:
        values: CKA, float64, (rows, columns); NaN for a layer that does not tell images apart.
        rows: layer names of the first model.
        columns: layer names of the second model.
        chance: exact mean of each value over all n! ways of pairing the images, float64,
            (rows, columns): 0 for the unbiased estimator.
        n: number of images.
        kernel: the kernel that was used.
        estimator: the estimator that was used.
    """

    values: np.ndarray
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    chance: np.ndarray
    n: int
    kernel: str | RBF
    estimator: str
    _row_grams: Tensor = field(repr=False)
    _column_grams: Tensor = field(repr=False)

    def interval(
        self, level: float = 0.95, *, draws: int = 200, seed: int = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Interval for each value over the images, as if others had been drawn from their source.

        Each draw leaves out half of the images, without replacement, and computes CKA again. For
        a mean of n terms of variance v, that of m of them spreads about the full one with variance
        (1/m − 1/n) v, which at m = n/2 is v/n: the variance of the full mean itself, with nothing
        to rescale. (For an odd n the spread is corrected by √(m/(n−m)).) A bootstrap would draw
        some images twice, and an image paired with its own copy is what the unbiased estimator
        leaves out. An RBF keeps the bandwidth of all images.

        Args:
            level: probability that the interval covers, between 0 and 1.
            draws: half-samples to take.
            seed: source of the half-samples.

        Returns:
            Lower and upper ends, each (rows, columns): the value ± the normal quantile times the
            spread of the half-samples about their mean. NaN where the value is.

        Raises:
            ValueError: fewer than 8 images, or an argument is outside what is said above.

        Reference: Shao & Tu 1995, section 2.3 (the delete-d jackknife).
        """
        if not 0 < level < 1:
            raise ValueError(f"level must lie between 0 and 1, not {level!r}")
        if draws < 2:
            raise ValueError(f"draws must be at least 2, not {draws!r}")
        half = self.n // 2
        if half < FEWEST_IMAGES:
            raise ValueError(f"an interval needs at least 8 images, and there are {self.n}")
        generator = np.random.default_rng(seed)
        kept = torch.zeros(draws, self.n, dtype=torch.float64)
        for draw in kept:
            draw[generator.permutation(self.n)[:half]] = 1

        def products(gram_a: Tensor, gram_b: Tensor) -> Tensor:
            return _subset_products(gram_a, gram_b, kept, self.estimator)

        def norms_of_halves(grams: Tensor) -> Tensor:
            squares = torch.stack([products(gram, gram) for gram in grams])
            rounding = 1e-12 * gram_norms(grams).square()[:, None]
            return squares.where(squares > rounding, math.nan).sqrt()  # (layers, draws)

        rows, columns = self._row_grams, self._column_grams
        halves = torch.stack([torch.stack([products(a, b) for b in columns]) for a in rows])
        halves /= norms_of_halves(rows)[:, None] * norms_of_halves(columns)
        spread = halves.std(dim=2).numpy() * math.sqrt(half / (self.n - half))
        reach = statistics.NormalDist().inv_cdf((1 + level) / 2) * spread
        return self.values - reach, self.values + reach

    def p_values(self, permutations: int = 200, *, seed: int = 0) -> np.ndarray:
        """Probability of a value at least as large when the images are paired at random.

        Args:
            permutations: random pairings, each shared by all pairs of layers.
            seed: source of the pairings.

        Returns:
            (1 + number of pairings that reach the value) / (1 + permutations), (rows, columns);
            NaN where the value is.

        Raises:
            ValueError: ``permutations`` is less than 1.

        Reference: Gretton et al. 2005; the added ones: Phipson & Smyth 2010.
        """
        if permutations < 1:
            raise ValueError(f"permutations must be at least 1, not {permutations!r}")
        generator = np.random.default_rng(seed)
        norms = torch.outer(gram_norms(self._row_grams), gram_norms(self._column_grams))
        rows = self._row_grams.flatten(1)
        shuffled = torch.empty_like(self._column_grams)
        reached = np.zeros(self.values.shape)
        for _ in range(permutations):
            order = torch.from_numpy(generator.permutation(self.n))
            for gram, out in zip(self._column_grams, shuffled, strict=True):
                # Several times faster than indexing with the order.
                torch.index_select(gram.index_select(0, order), 1, order, out=out)
            values = (rows @ shuffled.flatten(1).T / norms).numpy()
            # Orders that differ by a swap of equal images tie, up to rounding.
            reached += values >= self.values - 1e-12
        return np.where(np.isnan(self.values), np.nan, (1 + reached) / (1 + permutations))

    def to_frame(self) -> "pandas.DataFrame":
        """Return the values as a pandas table (pandas has to be installed)."""
        try:
            import pandas
        except ImportError as error:
            raise ImportError("to_frame needs pandas: pip install pandas") from error
        return pandas.DataFrame(self.values, index=list(self.rows), columns=list(self.columns))

    def plot(self, ax: "Axes | None" = None) -> Any:
        """Draw the values as a heat map (see :func:`tutorial_vae.plots.similarity_map`)."""
        from ..plots import similarity_map

        return similarity_map(self, ax=ax)


def _subset_products(
    gram_a: Float[Tensor, "n n"],
    gram_b: Float[Tensor, "n n"],
    kept: Float[Tensor, "draws n"],
    estimator: str,
) -> Float[Tensor, " draws"]:
    """Inner products of two grams within subsets, each one row of ones (equally many) among zeros.

    Centring ignores what is added to a whole row and its column, so a part of a centred gram can
    be centred again as if it came from the raw one. Here that happens inside the inner product:
    for all subsets at once, the quadratic form w′(K∘L)w less what row sums and totals add.
    """
    m = int(kept[0].sum())
    row_weight = 2 / (m - 2) if estimator == "unbiased" else 2 / m
    total_weight = 1 / ((m - 1) * (m - 2)) if estimator == "unbiased" else 1 / m**2
    sums_a, sums_b = (kept @ gram_a) * kept, (kept @ gram_b) * kept  # (draws, n)
    inner = ((kept @ (gram_a * gram_b)) * kept).sum(dim=1)
    inner -= row_weight * (sums_a * sums_b).sum(dim=1)
    return inner + total_weight * sums_a.sum(dim=1) * sums_b.sum(dim=1)


def compare_layers(
    model_a: VAE,
    model_b: VAE,
    images: ImageSet | Tensor,
    *,
    layers: Sequence[str] | None = None,
    batch_size: int = 256,
    kernel: str | RBF = "linear",
    estimator: str = "unbiased",
    device: str | torch.device = "auto",
) -> LayerSimilarity:
    """CKA of every layer of one VAE with every layer of another, on the same images.

    Both models run in evaluation mode; their decoders are fed the posterior means, without noise.
    All images enter each value at once: ``batch_size`` changes the memory, not the result.
    Everything after the activations is float64; they themselves have the precision of the model.
    Networks fresh from initialisation, whose last layers hardly vary, lose five digits of CKA to
    single precision: ``model.double()`` brings them back.

    Args:
        model_a: the model whose layers are the rows. Its weights, mode and device are left as
            they were.
        model_b: the model whose layers are the columns; it may be the same one.
        images: an image set, or a tensor of shape (n, channels, height, width) that holds uint8
            or floats in [0, 1]; n of at least 4.
        layers: paths of the sub-modules to compare, the same in both models; by default the
            ``layer_names`` of each model.
        batch_size: images per pass.
        kernel: ``"linear"``, ``"rbf"`` (bandwidth by the median heuristic) or an :class:`RBF`.
        estimator: ``"unbiased"`` or ``"biased"``, as in :func:`cka`.
        device: ``"auto"`` (CUDA, else MPS, else CPU) or the name of a device.

    Returns:
        The values, with their chance level, intervals and p-values. A layer that does not tell the
        images apart is NaN, with a :class:`ConstantLayerWarning` that names it.

    Raises:
        ValueError: the images do not suit the models, a layer is missing or has no single output
            per image, or an option is unknown.

    Reference: Kornblith et al. 2019; debiased: Székely & Rizzo 2014; on VAEs: Bonheme & Grzes 2022.
    """
    check_options(kernel, estimator)
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size!r}")
    pixels = _checked_images(images, model_a, model_b)
    names_a = _layer_names(model_a, "model_a", layers)
    names_b = _layer_names(model_b, "model_b", layers)
    options = (pixels, batch_size, kernel, estimator, resolve_device(device))
    rows = columns = _layer_grams(model_a, "model_a", names_a, *options)
    if model_b is not model_a:
        columns = _layer_grams(model_b, "model_b", names_b, *options)
    for owner, names, grams in (("model_a", names_a, rows), ("model_b", names_b, columns)):
        for name, gram in zip(names, grams, strict=True):
            warn_if_undefined(gram, f"layer {name} of {owner}")
    return LayerSimilarity(
        values=cosines(rows, columns).numpy(),
        rows=names_a,
        columns=names_b,
        chance=_chance(rows, columns).numpy(),
        n=len(pixels),
        kernel=kernel,
        estimator=estimator,
        _row_grams=rows,
        _column_grams=columns,
    )


def _chance(
    rows: Float[Tensor, "rows n n"], columns: Float[Tensor, "columns n n"]
) -> Float[Tensor, "rows columns"]:
    # Under a random order of one side each diagonal entry meets the mean diagonal entry of the
    # other, and each of the rest the mean of the rest. As rows sum to 0, both means follow from
    # the trace, which U-centring makes 0.
    traces = torch.outer(*(part.diagonal(dim1=1, dim2=2).sum(dim=1) for part in (rows, columns)))
    return traces / (rows.shape[-1] - 1) / torch.outer(gram_norms(rows), gram_norms(columns))


def _checked_images(images: ImageSet | Tensor, model_a: VAE, model_b: VAE) -> Tensor:
    shape_a, shape_b = tuple(model_a.image_shape), tuple(model_b.image_shape)
    if shape_a != shape_b:
        raise ValueError(
            f"model_a reads images of shape {shape_a} and model_b of shape {shape_b}: compare "
            "models that read the same images"
        )
    pixels = image_tensor(images)
    if isinstance(images, Tensor) and images.is_floating_point():
        pixels = images  # as they are: rounding to 256 levels would change the activations
    if tuple(pixels.shape[1:]) != shape_a:
        raise ValueError(
            f"images have the shape {tuple(pixels.shape[1:])}, but the models read {shape_a}"
        )
    if len(pixels) < FEWEST_IMAGES:
        raise ValueError(f"images must hold at least {FEWEST_IMAGES} images, not {len(pixels)}")
    return pixels


def _layer_names(model: VAE, owner: str, layers: Sequence[str] | None) -> tuple[str, ...]:
    names = tuple(model.layer_names if layers is None else layers)
    known = {name for name, _ in model.named_modules() if name}
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise ValueError(
            f"layers must name layers of {owner}, not {unknown}: it has "
            f"{', '.join(model.layer_names)}"
        )
    return names


def _run(model: VAE, images: Float[Tensor, "batch channels height width"]) -> None:
    # The mean, not a sample: noise, shared or not, would change the decoders' similarity.
    mean, _ = model.encoder(images)
    model.decoder(mean)


@torch.no_grad()
def _layer_grams(
    model: VAE,
    owner: str,
    names: tuple[str, ...],
    pixels: Tensor,
    batch_size: int,
    kernel: str | RBF,
    estimator: str,
    device: torch.device,
) -> Float[Tensor, "layers n n"]:
    n = len(pixels)
    grams = torch.empty(len(names), n, n, dtype=torch.float64)
    hooks = [
        _GramHook(f"layer {name} of {owner}", gram, kernel, estimator)
        for name, gram in zip(names, grams, strict=True)
    ]
    parameter = next(model.parameters())
    home = parameter.device
    modes = [(module, module.training) for module in model.modules()]
    handles = [
        model.get_submodule(name).register_forward_hook(hook)
        for name, hook in zip(names, hooks, strict=True)
    ]
    try:
        model.to(device).eval()
        for start in range(0, n, batch_size):
            batch = pixels[start : start + batch_size].to(device, parameter.dtype)
            _run(model, batch / 255 if pixels.dtype == torch.uint8 else batch)
            for hook in hooks:
                if hook.seen != start + len(batch):
                    raise ValueError(
                        f"{hook.name} gave {hook.seen} outputs for {start + len(batch)} images: "
                        "name a layer that runs once for each image"
                    )
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes:
            module.training = training
        model.to(home)
    return grams


class _GramHook:
    """Keeps a layer's activations, and turns them into its gram when the last image has passed."""

    def __init__(self, name: str, gram: Tensor, kernel: str | RBF, estimator: str) -> None:
        self.name = name
        self.gram = gram  # (n, n), filled in place
        self.kernel = kernel
        self.estimator = estimator
        self.seen = 0
        self.activations: list[Tensor] = []

    def __call__(self, module: nn.Module, inputs: tuple[Any, ...], output: object) -> None:
        if not isinstance(output, Tensor):
            raise ValueError(f"{self.name} has several outputs: name a layer inside it")
        # A copy, because what follows may work in place.
        self.activations.append(output.detach().flatten(1).clone())
        self.seen += len(output)
        if self.seen == len(self.gram):
            features = torch.cat(self.activations)
            self.activations.clear()
            self.gram.copy_(centred_gram(features, self.name, self.kernel, self.estimator))
