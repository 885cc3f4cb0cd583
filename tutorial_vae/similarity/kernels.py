"""Kernels: from a representation of n images to its centred table of similarities, (n, n)."""

import math
import warnings
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

ESTIMATORS = ("unbiased", "biased")

PRECISIONS = {"64": torch.float64, "32": torch.float32, "bf16": torch.bfloat16}

_BYTES_AT_ONCE = 2**13  # of each image: with a batch of 256, 2 MB

# Images whose mean is subtracted from all of them before they are multiplied. What it is off by
# adds the same to all products, which only matters where products are rounded to bfloat16.
_IMAGES_FOR_MIDDLE = {"64": 8, "32": 8, "bf16": 64}

# Fewer numbers than this are never rounded to bfloat16: its errors would not average out, and
# multiplying them takes no time.
_ENOUGH_TO_ROUND = 2**19

FEWEST_TO_COMPARE = 4  # the unbiased HSIC divides by n (n - 3)


class ConstantLayerWarning(UserWarning):
    """A representation does not tell the images apart, so its CKA is undefined and given as NaN."""


@dataclass(frozen=True, kw_only=True)
class RBF:
    r"""The kernel :math:`\exp(-d^2 / 2 s^2)` of the Euclidean distance d between two images.

    Args:
        scale: the bandwidth s as a multiple of the median distance. The median is the root of the
            median of all n² squared distances, zeros on the diagonal included, as in the reference
            code of Kornblith et al. 2019.
        bandwidth: the bandwidth s itself, in the units of the features, in place of the median.

    Raises:
        ValueError: a number that is not positive and finite, or both arguments at once.
    """

    scale: float = 1.0
    bandwidth: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("scale", self.scale), ("bandwidth", self.bandwidth)):
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{name} must be a positive finite number, not {value!r}")
        if self.bandwidth is not None and self.scale != 1:
            raise ValueError(
                f"scale ({self.scale!r}) multiplies the median distance, which bandwidth "
                f"({self.bandwidth!r}) replaces: give one of them"
            )


def check_options(kernel: str | RBF, estimator: str) -> None:
    """Raise a ValueError that names the option when a kernel or an estimator is unknown."""
    if not isinstance(kernel, RBF) and kernel not in ("linear", "rbf"):
        raise ValueError(f"kernel must be 'linear', 'rbf' or an RBF(...), not {kernel!r}")
    if estimator not in ESTIMATORS:
        raise ValueError(f"estimator must be one of {ESTIMATORS}, not {estimator!r}")


def checked_features(value: object, name: str) -> Tensor:
    """Check one representation and return it as a real tensor of shape (n, features)."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "biuf":
            raise ValueError(f"{name} must hold real numbers, not {value.dtype}")
        # A copy, because torch takes neither read-only nor reversed nor byte-swapped arrays.
        value = torch.from_numpy(np.array(value, value.dtype.newbyteorder("="), order="C"))
    if not isinstance(value, Tensor):
        raise ValueError(f"{name} must be a NumPy array or a tensor, not {type(value).__name__}")
    if value.is_complex():
        raise ValueError(f"{name} must hold real numbers, not {value.dtype}")
    if value.ndim < 2 or value.numel() == 0:
        raise ValueError(
            f"{name} must have the shape (n, features), with at least one feature, not "
            f"{tuple(value.shape)}"
        )
    if len(value) < FEWEST_TO_COMPARE:
        raise ValueError(f"{name} must hold at least {FEWEST_TO_COMPARE} images, not {len(value)}")
    return value.detach().flatten(1)


def check_finite(value: Tensor, name: str) -> None:
    """Raise a ValueError that shows the first number that is not finite, if there is one."""
    wrong = value.isfinite().logical_not().nonzero()
    if len(wrong):
        first = tuple(wrong[0].tolist())
        raise ValueError(f"{name} must be finite, but it holds {value[first].item()} at {first}")


def centred_gram(
    value: object, name: str, kernel: str | RBF, estimator: str, precision: str = "64"
) -> Float[Tensor, "n n"]:
    """Return the centred gram of a representation in float64, zeros where it is constant.

    Args:
        value: an array or tensor, one row per image, (n, ...).
        name: what errors call it.
        kernel: ``"linear"``, ``"rbf"`` or an :class:`RBF`.
        estimator: ``"unbiased"`` U-centres, ``"biased"`` centres.
        precision: of the products between images, as in :func:`products`. It is ``"64"`` for RBF
            kernels, and where centring would bring the rounding of less to light.

    Raises:
        ValueError: the representation has another shape, is not real or not finite.
    """
    features = checked_features(value, name)
    # Apple's GPUs have no float64.
    features = features.cpu() if features.device.type == "mps" else features
    precision = precision if kernel == "linear" else "64"
    raw = products(features, precision)
    size = raw.diagonal().sum().item()
    if not 1e-25 < size < 1e25:
        check_finite(features, name)
        if precision != "64":  # float32 has no room for such numbers
            return centred_gram(features, name, kernel, estimator)
    # Looking at every feature takes longer than the gram of a batch, so only where it may matter.
    rounding = max(torch.finfo(kind).eps for kind in {raw.dtype, _float_type(features)})
    nearly_constant = size <= len(raw) * (100 * rounding) ** 2 * features[0].double().norm() ** 2
    if nearly_constant and is_constant(features.amin(dim=0), features.amax(dim=0)):
        return torch.zeros_like(raw, dtype=torch.float64)
    if kernel != "linear":
        return centre_gram(rbf_values(raw, raw.diagonal(), raw.diagonal(), kernel), estimator)
    gram = centre_gram(raw.double() if precision != "64" else raw, estimator)
    if precision == "64":
        return gram
    between = raw.fill_diagonal_(0).norm().item()
    if cancels(size, between, gram.norm().item(), precision):
        return centred_gram(features, name, kernel, estimator)
    return gram


def cancels(trace: float, before: float, after: float, precision: str) -> bool:
    """Whether centring leaves so little of a gram that less than float64 is not enough.

    Features are rounded in relation to the trace, and for ``"bf16"`` products in relation to
    themselves. In noise, the worst of what is common, centring leaves 1 / √features of the trace.

    Args:
        trace: of the products between images.
        before: norm of the products between different images.
        after: norm of the centred gram.
        precision: in which the products were made.
    """
    return after < trace / 500 or (precision == "bf16" and after < before / 8)


def products(
    x: Shaped[Tensor, "n features"],
    precision: str,
    *,
    y: Shaped[Tensor, "m features"] | None = None,
    centre: Float[Tensor, " features"] | None = None,
) -> Float[Tensor, "n m"]:
    """Inner products of images less a common point, in float64 or, for less than that, in float32.

    Some features at a time, so that the centred copy stays in the processor's cache: it costs
    little time and no memory. An image set against itself needs only one triangle.

    Args:
        x: one row per image.
        precision: ``"64"``, ``"32"``, or ``"bf16"``, which rounds differences from the point to
            bfloat16 unless they are few.
        y: other images, where the products are not those of ``x`` with itself; needs ``centre``.
        centre: the point; by default one in the middle of ``x``.
    """
    if precision == "bf16" and x.numel() < _ENOUGH_TO_ROUND:
        precision = "32"
    kind = PRECISIONS[precision]
    work = torch.float64 if precision == "64" else torch.float32
    wide = torch.promote_types(x.dtype, work)
    strip = 256 if precision == "bf16" else 128
    # Images of a sorted set differ along it, so those in the middle's mean are spread over it. What
    # rounding does to the middle is the same for all images, and centring removes it.
    step = -(-len(x) // _IMAGES_FOR_MIDDLE[precision])
    centre = x[::step].to(wide).mean(dim=0) if centre is None else centre.to(wide)
    result = torch.zeros(len(x), len(x if y is None else y), dtype=work, device=x.device)
    width = min(_BYTES_AT_ONCE // kind.itemsize, x.shape[1])
    # One piece of memory for all strips: taking a new one for each costs a fifth of the time.
    room_x = torch.empty(len(x), width, dtype=kind, device=x.device)
    room_y = None if y is None else torch.empty(len(y), width, dtype=kind, device=x.device)
    for start in range(0, x.shape[1], width):
        some = slice(start, start + width)
        left = right = _differences(x[:, some], centre[some], room_x)
        if y is not None and room_y is not None:
            right = _differences(y[:, some], centre[some], room_y)
        if y is None and precision != "bf16" and x.device.type == "cpu":
            _add_own_products(result, left)
            continue
        for top in range(0, len(x), strip):
            first = top if y is None else 0
            part = result[top : top + strip, first:]
            if precision == "bf16":
                part += left[top : top + strip] @ right[first:].T
            else:
                part.addmm_(left[top : top + strip], right[first:].T)
    return result if y is not None else result.triu_().add_(result.triu(1).T)


def _add_own_products(result: Float[Tensor, "n n"], rows: Float[Tensor, "n width"]) -> None:
    """Add the products of rows with each other, in place, to the upper triangle alone.

    BLAS has a call for this, which takes half of the work of a whole product, and torch has none.
    BLAS reads by columns: what is the lower triangle to it is the upper one here.
    """
    from scipy.linalg import blas  # type: ignore[import-untyped]

    update = blas.dsyrk if result.dtype == torch.float64 else blas.ssyrk
    with _blas().limit(limits=torch.get_num_threads(), user_api="blas"):
        update(
            1.0, rows.numpy().T, beta=1.0, c=result.numpy().T, trans=1, lower=1, overwrite_c=1
        )  # fmt: skip


@cache
def _blas() -> "ThreadpoolController":
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _differences(
    x: Shaped[Tensor, "n features"],
    middle: Float[Tensor, " features"],
    room: Float[Tensor, "n width"],
) -> Float[Tensor, "n features"]:
    """Subtract in the type of ``middle``, then round to that of the room that is written to."""
    result = room.flatten()[: x.numel()].view(x.shape)
    if result.dtype == middle.dtype:
        return torch.sub(x.to(middle.dtype), middle, out=result)
    # A few images at a time, so that what is to be rounded does not leave the processor's cache.
    for few, target in zip(x.split(32), result.split(32), strict=True):
        torch.sub(few.to(middle.dtype), middle, out=target)
    return result


def _float_type(features: Tensor) -> torch.dtype:
    return features.dtype if features.is_floating_point() else torch.float64


def is_constant(low: Shaped[Tensor, " features"], high: Shaped[Tensor, " features"]) -> bool:
    """Whether what varies between each feature's extremes is rounding and not the images.

    Within two units of rounding of the type it came in, CKA would blow arithmetic up to a number.
    """
    rounding = torch.finfo(low.dtype).eps if low.is_floating_point() else 0.0
    low, high = low.double(), high.double()
    ranges, sizes = high - low, torch.maximum(low.abs(), high.abs())
    return bool(ranges.norm() <= 2 * rounding * sizes[ranges > 0].norm())


def rbf_values(
    products: Float[Tensor, "n m"],
    squared_norms_x: Float[Tensor, " n"],
    squared_norms_y: Float[Tensor, " m"],
    kernel: str | RBF,
) -> Float[Tensor, "n m"]:
    """RBF kernel values less 1 from the inner products of images and their squared norms."""
    squared_distances = squared_norms_x[:, None] + squared_norms_y - 2 * products
    rbf = kernel if isinstance(kernel, RBF) else RBF()
    if not squared_distances.any():
        return squared_distances
    if rbf.bandwidth is not None:
        squared_bandwidth = rbf.bandwidth**2
    else:
        # NumPy averages the two middle values of an even count; torch.median takes the lower one.
        median = float(np.median(squared_distances.cpu().numpy()))
        rounding = torch.finfo(products.dtype).eps
        if median <= len(products) * rounding * squared_norms_x.max().item():
            return torch.full_like(squared_distances, math.nan)
        squared_bandwidth = rbf.scale**2 * median
    # Less the constant 1, which centring removes anyway: so wide kernels keep all their digits.
    return torch.expm1(squared_distances / (-2 * squared_bandwidth))


def centre_gram(gram: Float[Tensor, "n n"], estimator: str) -> Float[Tensor, "n n"]:
    """Centre (biased) or U-centre (unbiased) a gram in place; exactly 0 where nothing remains.

    With ``"pairs"`` the result is, instead, the centred ranks of the distances between images.
    """
    n = len(gram)
    if estimator == "pairs":
        return _distance_ranks(gram)
    before = gram.norm()
    if estimator == "unbiased":
        gram.fill_diagonal_(0)
        offsets = gram.sum(dim=1) / (n - 2)
        offsets -= offsets.sum() / (2 * (n - 1))
    else:
        offsets = gram.mean(dim=1)
        offsets -= offsets.mean() / 2
    gram -= offsets[:, None]
    gram -= offsets
    if estimator == "unbiased":
        gram.fill_diagonal_(0)
    # What U-centring leaves of images that are all equally far apart is rounding.
    return gram.masked_fill_(gram.norm() <= n * torch.finfo(gram.dtype).eps * before, 0)


def _distance_ranks(gram: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    """Return the ranks of the distances of all pairs, ties averaged, less their mean."""
    n = len(gram)
    first, second = torch.triu_indices(n, n, offset=1, device=gram.device)
    diagonal = gram.diagonal()
    squared_distances = diagonal[first] + diagonal[second] - 2 * gram[first, second]
    if not squared_distances.any():
        return torch.zeros_like(gram)
    # Distances that are equal but for the rounding of the products are ties.
    steps = (squared_distances / squared_distances.max() * 1e11).round()
    _, place, count = steps.unique(return_inverse=True, return_counts=True)
    ranks = count.cumsum(0).double() - (count - 1) / 2
    result = torch.zeros_like(gram)
    result[first, second] = ranks[place] - (len(first) + 1) / 2
    return result + result.T


def warn_if_undefined(norm: float, name: str) -> None:
    """Warn, with a :class:`ConstantLayerWarning`, where a gram's norm leaves it no direction."""
    if norm > 0:
        return
    if norm == 0:
        reason = (
            "its values are constant, or what sets an image apart is shared with no other image"
        )
    else:
        reason = (
            "at least half of its pairs coincide, so the median distance is no bandwidth; "
            "RBF(bandwidth=...) sets one"
        )
    warnings.warn(
        f"{name} does not tell the images apart: {reason}. Its similarity is NaN.",
        ConstantLayerWarning,
        stacklevel=3,
    )
