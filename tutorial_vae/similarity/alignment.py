"""HSIC and CKA of two representations of the same images."""

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from .kernels import RBF, centred_gram, check_options, warn_if_undefined


def hsic(
    x: np.ndarray | Tensor,
    y: np.ndarray | Tensor,
    *,
    kernel: str | RBF = "linear",
    estimator: str = "unbiased",
) -> float:
    r"""Hilbert–Schmidt independence criterion of two representations of the same images.

    With :math:`K` and :math:`L` the gram matrices of ``x`` and ``y``,

    .. math::
        \text{biased: } \frac{\operatorname{tr}(KHLH)}{(n-1)^2}, \qquad
        \text{unbiased: } \frac{\sum_{i \ne j} \tilde K_{ij} \tilde L_{ij}}{n(n-3)},

    where :math:`H` centres and :math:`\tilde K` is the U-centred gram. The unbiased one equals
    :math:`\mathrm{HSIC}_1` (Song et al. 2012, equation 5) and can be negative.

    Args:
        x: one row per image, (n, features), or (n, ...) which is flattened; n of at least 4.
        y: the same images in the same order; its number of features may differ.
        kernel: ``"linear"``, ``"rbf"`` (bandwidth by the median heuristic) or an :class:`RBF`.
        estimator: ``"unbiased"`` or ``"biased"``.

    Returns:
        A number in the squared units of both kernels; exactly 0 when either input is constant, and
        NaN, with a :class:`ConstantLayerWarning`, where the median heuristic has no bandwidth.

    Raises:
        ValueError: an input has another shape, is not real or not finite, or an option is unknown.

    Reference: Gretton et al. 2005; Song et al. 2012; U-centring: Székely & Rizzo 2014.
    """
    gram_x, gram_y = _pair_of_grams(x, y, kernel, estimator)
    n = len(gram_x)
    scale = n * (n - 3) if estimator == "unbiased" else (n - 1) ** 2
    value = torch.dot(gram_x.flatten(), gram_y.flatten()).item() / scale
    if math.isnan(value):
        warn_if_undefined(gram_x.norm().item(), "x")
        warn_if_undefined(gram_y.norm().item(), "y")
    return value


def cka(
    x: np.ndarray | Tensor,
    y: np.ndarray | Tensor,
    *,
    kernel: str | RBF = "linear",
    estimator: str = "unbiased",
) -> float:
    r"""Centred kernel alignment of two representations of the same images.

    .. math::
        \mathrm{CKA}(X, Y) =
        \frac{\mathrm{HSIC}(X, Y)}{\sqrt{\mathrm{HSIC}(X, X)\,\mathrm{HSIC}(Y, Y)}}

    It does not change under rotations, translations and rescaling of all features together; it
    does change under other linear maps.

    Args:
        x: as in :func:`hsic`.
        y: as in :func:`hsic`.
        kernel: as in :func:`hsic`.
        estimator: of all three HSICs. With ``"biased"`` even independent noise scores high when
            there are more features than images.

    Returns:
        A number in [-1, 1], 1 for equal representations; biased, in [0, 1]; NaN, with a
        :class:`ConstantLayerWarning`, where a representation does not tell the images apart.

    Raises:
        ValueError: an input has another shape, is not real or not finite, or an option is unknown.

    Reference: Kornblith et al. 2019.
    """
    gram_x, gram_y = _pair_of_grams(x, y, kernel, estimator)
    norm_x, norm_y = gram_x.norm().item(), gram_y.norm().item()
    warn_if_undefined(norm_x, "x")
    warn_if_undefined(norm_y, "y")
    if not norm_x * norm_y > 0:
        return math.nan
    return torch.dot(gram_x.flatten(), gram_y.flatten()).item() / (norm_x * norm_y)


def _pair_of_grams(
    x: object, y: object, kernel: str | RBF, estimator: str
) -> tuple[Float[Tensor, "n n"], Float[Tensor, "n n"]]:
    check_options(kernel, estimator)
    gram_x = centred_gram(x, "x", kernel, estimator)
    gram_y = centred_gram(y, "y", kernel, estimator)
    if len(gram_x) != len(gram_y):
        raise ValueError(
            f"x and y must hold the same images, but x has {len(gram_x)} rows and y {len(gram_y)}"
        )
    return gram_x, gram_y.to(gram_x.device)
