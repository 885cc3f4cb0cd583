"""Comparing all pairs of layers of two models in one pass."""

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import ExitStack

import torch
from torch import Tensor, nn

from ..data import ImageSet
from ..devices import resolve_device
from ..models import fresh_copy
from .activations import Reader, comparable_images, reading
from .blocks import FEWEST_BLOCKS, block_sums
from .grams import minibatch_grams, whole_grams
from .kernels import FEWEST_TO_COMPARE, PRECISIONS, RBF, check_options, warn_if_undefined
from .layers import KeptActivations, LayerSimilarity
from .measures import coordinates, gram_and_feature_costs

MEMORY = 2**29  # bytes: what the grams of all layers, or the activations in hand, may take

_MEASURES = ("cka", "procrustes", "rsa", "regression")


def compare_layers(
    model_a: nn.Module,
    model_b: nn.Module,
    images: ImageSet | Tensor,
    *,
    layers: Sequence[str] | None = None,
    batch_size: int = 256,
    kernel: str | RBF = "linear",
    estimator: str = "unbiased",
    measure: str = "cka",
    mode: str = "exact",
    precision: str = "32",
    controls: Sequence[str] = (),
    other_seed: nn.Module | None = None,
    device: str | torch.device = "auto",
    seed: int = 0,
) -> LayerSimilarity:
    r"""Similarity of every layer of one model to every layer of another, on the same images.

    Both models run in evaluation mode. A VAE's encoder reads the images and its decoder the
    posterior means, without noise; any other module is called with the images.

    The measures, each 1 for a layer with itself:

    * ``"cka"``: see :func:`cka`.
    * ``"procrustes"``: with features centred and scaled to norm 1, the nuclear norm
      :math:`\lVert X^\top Y \rVert_*`, the cosine after the best rotation.
    * ``"rsa"``: Spearman correlation of the distances between all pairs of images.
    * ``"regression"``: the share of the variance of the column's features that the best linear map
      from the row's features explains (R²), on the images it was fitted to. It is not symmetric,
      and with as many features as images it is 1, and so is its chance level: compare the two.

    How CKA copes with many images:

    * ``mode="exact"`` uses all images at once. Grams of all pairs of images are kept while they
      take up to 512 MB (:math:`8 n^2` bytes a layer) and the activations of a model as much. Where
      a linear kernel is cheaper by features, no gram is made.
      Above that, the images are cut into an even number of blocks, at least 16, so that the
      activations of one fit, and the models run again for every pair of blocks: with B blocks,
      about B / 2 + 2 times. The value is the same. Intervals then leave out half of the blocks.
    * ``mode="minibatch"`` reads the images once, in random order, and averages the unbiased HSICs
      of batches, weighted by their size, before it takes their ratio. Intervals leave out half of
      each batch, and p-values come from pairing images at random within batches.

    By default, centred features are multiplied in float32, and everything that follows is float64:
    CKA is within 1e-6 of what float64 throughout gives (``precision="64"``, which takes twice as
    long). ``"bf16"`` rounds centred features and each product to bfloat16, which is several times
    faster on processors with AMX or AVX512-BF16 and on GPUs, and changes CKA by less than 1e-4.
    Neither is used where it would not hold what is said here: layers of which centring leaves next
    to nothing, for instance one outlier's, RBF kernels and the feature form are always float64, and
    fewer than half a million numbers are never rounded to bfloat16. The activations themselves
    have the precision of the model; on a CPU convolutions run with copies of their weights in the
    channels-last layout, which is faster and rounds differently. Networks fresh from
    initialisation, whose last layers hardly vary, lose five digits of CKA to single precision:
    ``model.double()`` brings them back.

    Args:
        model_a: the model whose layers are the rows. Its weights, mode and device are left as
            they were.
        model_b: the model whose layers are the columns; it may be the same one.
        images: an image set, or a tensor of shape (n, channels, height, width) that holds uint8
            or floats in [0, 1]; n of at least 4. Modules other than VAEs may read floats of any
            range and shape, (n, ...).
        layers: paths of the sub-modules to compare, the same in both models; by default the
            ``layer_names`` of a VAE, and all modules without children that run once and give one
            tensor, in the order in which they run, of any other.
        batch_size: images per pass, and with ``mode="minibatch"`` per HSIC.
        kernel: ``"linear"``, ``"rbf"`` (bandwidth by the median heuristic) or an :class:`RBF`; of
            CKA alone.
        estimator: ``"unbiased"`` or ``"biased"``, as in :func:`cka`; of CKA alone.
        measure: ``"cka"``, ``"procrustes"``, ``"rsa"`` or ``"regression"``.
        mode: ``"exact"`` or ``"minibatch"``.
        precision: ``"64"``, ``"32"`` or ``"bf16"``, of CKA; other measures are always float64.
        controls: what to compare with the second model besides: ``"untrained"`` (the first one's
            architecture, initialised afresh) and ``"pixels"`` (the images themselves).
        other_seed: a model trained like the second one from another seed, to be compared with it.
        device: ``"auto"`` (CUDA, else MPS, else CPU) or the name of a device.
        seed: source of the untrained weights and of the order in which images are divided.

    Returns:
        The values, with their chance level, intervals and p-values, and under ``controls`` the same
        for each control: ``"untrained"``, ``"pixels"``, ``"other_seed"``. A layer that does not
        tell the images apart is NaN, with a :class:`ConstantLayerWarning` that names it.

    Raises:
        ValueError: the images do not suit the models, a layer is missing or has no single output
            per image, the images do not divide into batches, or an option is unknown.

    Reference: Kornblith et al. 2019; debiased: Székely & Rizzo 2014; minibatches: Nguyen et al.
    2020; Procrustes and the choice among measures: Ding et al. 2021; RSA: Kriegeskorte et al. 2008;
    on VAEs: Bonheme & Grzes 2022.
    """
    _check(batch_size, kernel, estimator, measure, mode, precision, controls)
    pixels = comparable_images(images, model_a, model_b)
    place = resolve_device(device)

    def compare(model: nn.Module, owner: str, chosen: Sequence[str] | None) -> LayerSimilarity:
        with ExitStack() as stack:
            row = stack.enter_context(reading(model, owner, chosen, pixels, place))
            column = row
            if model is not model_b:
                column = stack.enter_context(reading(model_b, "model_b", layers, pixels, place))
            readers = [row] if model is model_b else [row, column]
            kept = _read(
                readers, pixels, batch_size, kernel, estimator, measure, mode, precision, seed
            )
        for reader, norms in zip((row, column), kept.norms(), strict=True):
            for name, norm in zip(reader.names, norms.tolist(), strict=True):
                warn_if_undefined(norm, reader.title(name))
        return LayerSimilarity(
            values=kept.values().numpy(),
            rows=row.names,
            columns=column.names,
            chance=kept.chance().numpy(),
            n=len(pixels),
            kernel=kernel,
            estimator=estimator,
            measure=measure,
            _kept=kept,
        )

    result = compare(model_a, "model_a", layers)
    for name in controls:
        if name == "untrained":
            result.controls[name] = compare(fresh_copy(model_a, seed), name, layers)
        else:
            result.controls[name] = compare(_pixel_model(), name, None)
    if other_seed is not None:
        result.controls["other_seed"] = compare(other_seed, "other_seed", layers)
    return result


def _check(
    batch_size: int,
    kernel: str | RBF,
    estimator: str,
    measure: str,
    mode: str,
    precision: str,
    controls: Sequence[str],
) -> None:
    check_options(kernel, estimator)
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size!r}")
    for name, value, known in (
        ("measure", measure, _MEASURES),
        ("mode", mode, ("exact", "minibatch")),
        ("precision", precision, tuple(PRECISIONS)),
    ):
        if value not in known:
            raise ValueError(f"{name} must be one of {known}, not {value!r}")
    if isinstance(controls, str) or not set(controls) <= {"untrained", "pixels"}:
        raise ValueError(f"controls must hold 'untrained' and 'pixels' alone, not {controls!r}")
    if measure != "cka" and (kernel != "linear" or mode != "exact" or precision == "bf16"):
        raise ValueError(
            f"measure {measure!r} goes with kernel='linear' and mode='exact' only, and is always "
            "computed in float64"
        )
    if mode == "minibatch" and estimator == "biased":
        raise ValueError(
            "estimator must be 'unbiased' with mode='minibatch': the bias of small batches does "
            "not average out"
        )


def _read(
    readers: Sequence[Reader],
    pixels: Tensor,
    batch_size: int,
    kernel: str | RBF,
    estimator: str,
    measure: str,
    mode: str,
    precision: str,
    seed: int,
) -> KeptActivations:
    if mode == "minibatch":
        return minibatch_grams(readers, pixels, batch_size, kernel, precision, seed)
    if measure == "rsa":
        return whole_grams(readers, pixels, batch_size, kernel, "pairs", "64")
    if measure != "cka":
        return coordinates(readers, pixels, batch_size, measure)
    n = len(pixels)
    sizes = [reader.sizes for reader in readers]
    by_grams, by_features = gram_and_feature_costs(n, sizes[0], sizes[-1])
    features = sum(map(sum, sizes))
    if kernel == "linear" and by_features < by_grams and 16 * n * features <= MEMORY:
        return coordinates(readers, pixels, batch_size, estimator)
    activations = 4 * n * max(map(sum, sizes))
    if max(8 * n * n * sum(map(len, sizes)), activations) <= MEMORY:
        return whole_grams(readers, pixels, batch_size, kernel, estimator, precision)
    blocks = max(FEWEST_BLOCKS, 2 * -(-4 * n * features // (2 * MEMORY)))
    blocks = min(blocks, n // FEWEST_TO_COMPARE)
    return block_sums(readers, pixels, batch_size, blocks, kernel, estimator, precision, seed)


def _pixel_model() -> nn.Module:
    return nn.Sequential(OrderedDict(pixels=nn.Identity()))
