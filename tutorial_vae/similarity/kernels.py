"""Kernels: from a representation of n images to its centred table of similarities, (n, n)."""

import math
import warnings
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

ESTIMATORS = ("unbiased", "biased")

FEWEST_IMAGES = 4  # the unbiased HSIC divides by n (n - 3)


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


def _features(value: object, name: str) -> Tensor:
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
    if len(value) < FEWEST_IMAGES:
        raise ValueError(f"{name} must hold at least {FEWEST_IMAGES} images, not {len(value)}")
    # The extremes first: they show what is not finite in a fraction of the time.
    if not torch.stack([value.amin(), value.amax()]).isfinite().all():
        first = tuple(value.isfinite().logical_not().nonzero()[0].tolist())
        raise ValueError(f"{name} must be finite, but it holds {value[first].item()} at {first}")
    return value.detach().flatten(1)


def centred_gram(
    value: object, name: str, kernel: str | RBF, estimator: str
) -> Float[Tensor, "n n"]:
    """Return the centred gram of a representation in float64, zeros where it is constant.

    Args:
        value: an array or tensor, one row per image, (n, ...).
        name: what errors call it.
        kernel: ``"linear"``, ``"rbf"`` or an :class:`RBF`.
        estimator: ``"unbiased"`` U-centres, ``"biased"`` centres.

    Raises:
        ValueError: the representation has another shape, is not real or not finite.
    """
    return _centre(_gram(_features(value, name), kernel), estimator)


def _gram(features: Tensor, kernel: str | RBF) -> Float[Tensor, "n n"]:
    """Kernel values between all pairs of images in float64, up to a constant for an RBF."""
    x = _centred_features(features)
    products = x @ x.T
    if kernel == "linear":
        return products
    squared_norms = products.diagonal()
    squared_distances = squared_norms[:, None] + squared_norms - 2 * products
    rbf = kernel if isinstance(kernel, RBF) else RBF()
    if not squared_distances.any():
        return squared_distances
    if rbf.bandwidth is not None:
        squared_bandwidth = rbf.bandwidth**2
    else:
        # NumPy averages the two middle values of an even count; torch.median takes the lower one.
        median = float(np.median(squared_distances.cpu().numpy()))
        if median <= len(x) * torch.finfo(x.dtype).eps * squared_norms.max().item():
            return torch.full_like(squared_distances, math.nan)
        squared_bandwidth = rbf.scale**2 * median
    # Less the constant 1, which centring removes anyway: so wide kernels keep all their digits.
    return torch.expm1(squared_distances / (-2 * squared_bandwidth))


def _centred_features(features: Tensor) -> Float[Tensor, "n features"]:
    # Apple's GPUs have no float64.
    features = features.cpu() if features.device.type == "mps" else features
    rounding = torch.finfo(features.dtype).eps if features.is_floating_point() else 0.0
    x = features.to(torch.float64, copy=True)
    low, high = x.amin(dim=0), x.amax(dim=0)
    ranges, sizes = high - low, torch.maximum(low.abs(), high.abs())
    # Within two units of rounding of the type it came in, what varies is arithmetic, not the
    # images, and CKA would blow it up to a number.
    if ranges.norm() <= 2 * rounding * sizes[ranges > 0].norm():
        return x.zero_()
    return x.sub_(x.mean(dim=0))


def _centre(gram: Float[Tensor, "n n"], estimator: str) -> Float[Tensor, "n n"]:
    """Centre (biased) or U-centre (unbiased) a gram in place; exactly 0 where nothing remains."""
    n = len(gram)
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


def cosines(
    grams_a: Float[Tensor, "rows n n"], grams_b: Float[Tensor, "columns n n"]
) -> Float[Tensor, "rows columns"]:
    """CKA of all pairs of centred grams; 0/0, which is NaN, for a gram of zeros."""
    products = grams_a.flatten(1) @ grams_b.flatten(1).T
    return products / torch.outer(gram_norms(grams_a), gram_norms(grams_b))


def gram_norms(grams: Float[Tensor, "layers n n"]) -> Float[Tensor, " layers"]:
    """Return the Frobenius norm of each gram."""
    return grams.flatten(1).norm(dim=1)


def warn_if_undefined(gram: Float[Tensor, "n n"], name: str) -> None:
    """Warn, with a :class:`ConstantLayerWarning`, when a centred gram has no direction."""
    norm = gram.norm()
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
