r"""Scores of what a source model's outputs tell about the classes of a target set.

None of them trains a network. Higher is better in all; each compares sources on one target, and no
value means the same on two targets. Labels are whole numbers, any ones: a class is a value that
occurs. All is computed in float64.
"""

import math

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from ..similarity import cka
from ..similarity.kernels import FEWEST_TO_COMPARE

_SUM_TOLERANCE = 1e-4  # far above the rounding of a softmax in float32
_SMALLEST_VARIANCE = 1e-10
_GRID_STEP = 0.2  # of the logarithm of a ratio; no term of the evidence bends within it
_ZOOMS = 4
_LIMIT = 600.0  # a logarithm as good as infinite, whose exponential is still a number


def leep(source_probabilities: Tensor | np.ndarray, labels: Tensor | np.ndarray | None) -> float:
    r"""Log expected empirical prediction: how well a source classifier's outputs foretell labels.

    With :math:`\theta(x_i)_z` the probability that the source classifier gives to its class
    :math:`z` on target image :math:`i`,

    .. math::
        \mathrm{LEEP} = \frac1n \sum_i \log \sum_z \hat P(y_i \mid z)\, \theta(x_i)_z, \qquad
        \hat P(y \mid z) = \frac{\sum_{i: y_i = y} \theta(x_i)_z}{\sum_i \theta(x_i)_z} .

    Args:
        source_probabilities: of shape (n, source classes); rows sum to 1. A source class that gets
            no probability at all counts for nothing.
        labels: target classes of shape (n,), at least 2 different ones.

    Returns:
        Mean log-likelihood in nats per image: 0 at best, where the outputs settle every class.

    Raises:
        ValueError: an array has another shape or type, the lengths differ, the probabilities are
            not probabilities, or there is one class only.

    Reference: Nguyen, Hassner, Seeger & Archambeau 2020.
    """
    probabilities = _rows(source_probabilities, "source_probabilities")
    classes = _classes(labels, "labels", len(probabilities), "source_probabilities")
    if (probabilities < 0).any():
        raise ValueError(
            f"source_probabilities must be at least 0, but one is {probabilities.min():.6g}: give "
            "the output of a softmax, not logits"
        )
    sums = probabilities.sum(axis=1)
    worst = np.abs(sums - 1).argmax()
    if abs(sums[worst] - 1) > _SUM_TOLERANCE:
        raise ValueError(
            f"each row of source_probabilities must sum to 1, but row {worst} sums to "
            f"{sums[worst]:.6g}"
        )
    joint = _one_hot(classes).T @ probabilities
    used = joint.sum(axis=0) > 0
    conditional = joint[:, used] / joint[:, used].sum(axis=0)
    expected = (conditional[classes] * probabilities[:, used]).sum(axis=1)
    return float(np.log(expected).mean())


def nce(source_labels: Tensor | np.ndarray, labels: Tensor | np.ndarray | None) -> float:
    r"""Negative conditional entropy of the labels, given source labels of the same images.

    .. math::
        \mathrm{NCE} = -H(Y \mid Z)
        = \sum_{y, z} \hat P(y, z) \log \frac{\hat P(y, z)}{\hat P(z)}

    It equals :func:`leep` of a source classifier that is always certain.

    Args:
        source_labels: :math:`z`, of shape (n,): for instance the class that a source classifier
            finds most likely.
        labels: :math:`y`, the target classes of shape (n,), at least 2 different ones.

    Returns:
        Nats per image: 0 where the source label settles the class, and no less than minus the
        entropy of the labels.

    Raises:
        ValueError: an array has another shape or type, the lengths differ, or there is one class
            only.

    Reference: Tran et al. 2019.
    """
    sources = _classes(source_labels, "source_labels", fewest=1)
    classes = _classes(labels, "labels", len(sources), "source_labels")
    joint = np.zeros((classes.max() + 1, sources.max() + 1))
    np.add.at(joint, (classes, sources), 1 / len(classes))
    conditional = joint / joint.sum(axis=0)
    happens = joint > 0
    return float((joint[happens] * np.log(conditional[happens])).sum())


def logme(features: Tensor | np.ndarray, labels: Tensor | np.ndarray | None) -> float:
    r"""Logarithm of maximum evidence: how well a linear model on the features explains the labels.

    Each class :math:`c` has a Bayesian linear model of its own. With the features
    :math:`F`, as they are, and :math:`y_c` of 1 for images of the class and 0 for others,

    .. math::
        \mathrm{LogME} = \frac1C \sum_c \frac1n \max_{\alpha, \beta}
        \log \mathcal N\!\left(y_c;\, 0,\; \beta^{-1} I + \alpha^{-1} F F^\top\right) .

    For one ratio :math:`t = \alpha / \beta` the best :math:`\beta` is known, and the search is over
    :math:`t` alone: a grid in steps of 0.2 of :math:`\log t` that reaches beyond every stationary
    point, four tenfold zooms into its best cell, and the limits of :math:`t` at 0 and infinity. So
    it always ends, whatever the features. The paper's fixed-point iteration seeks the same
    maximum. The formula holds for any number of features; where there are more features :math:`D`
    than images, the authors' later code gives other numbers, because it sets
    :math:`\frac D2 \log \alpha` against as many eigenvalues as there are images.

    Args:
        features: of shape (n, features), or (n, ...) which is flattened. Neither centring nor a
            constant feature is added; scaling all of them together changes nothing.
        labels: classes of shape (n,), at least 2 different ones.

    Returns:
        Log density per image, which can be positive; ``math.inf`` where the features give a class
        exactly although they have fewer independent columns than images, for then the evidence
        has no upper bound.

    Raises:
        ValueError: an array has another shape or type, a feature is not finite, the lengths
            differ, or there is one class only.

    Reference: You et al. 2021.
    """
    matrix = _scaled(_rows(features, "features"))
    classes = _classes(labels, "labels", len(matrix), "features")
    n = len(matrix)
    left, singular, _ = np.linalg.svd(matrix, full_matrices=False)
    rounding = max(matrix.shape) * np.finfo(np.float64).eps
    kept = singular > rounding * singular[0]
    left, eigenvalues = left[:, kept], singular[kept] ** 2
    targets = _one_hot(classes)
    explained = left.T @ targets
    unexplained = np.linalg.norm(targets - left @ explained, axis=0)
    unexplained[unexplained <= rounding * np.linalg.norm(targets, axis=0)] = 0
    if len(eigenvalues) == n:
        unexplained[:] = 0
    evidence = [
        _maximum_log_evidence(squares, eigenvalues, residual, n)
        for squares, residual in zip(explained.T**2, unexplained**2, strict=True)
    ]
    return float(np.mean(evidence))


def _maximum_log_evidence(
    squares: Float64[np.ndarray, " rank"],
    eigenvalues: Float64[np.ndarray, " rank"],
    residual: float,
    n: int,
) -> float:
    """Maximise the log evidence of one target, per image.

    Args:
        squares: squared components of the target along the left singular vectors of the features.
        eigenvalues: squared singular values, all above 0.
        residual: squared norm of the rest of the target.
        n: number of images.
    """
    rank = len(eigenvalues)
    if residual == 0 and rank < n:
        return math.inf

    def log_evidence(log_ratio: Float64[np.ndarray, " grid"]) -> Float64[np.ndarray, " grid"]:
        ratio = np.exp(log_ratio)[:, None]
        noise = residual + (squares * (ratio / (ratio + eigenvalues))).sum(axis=1)
        shrinkage = np.log1p(eigenvalues / ratio).sum(axis=1)
        return -0.5 * np.log(2 * math.pi * math.e * noise / n) - shrinkage / (2 * n)

    best = float(log_evidence(np.array([-_LIMIT, _LIMIT])).max())
    if rank == 0:
        return best
    # Above the upper end the evidence is at its limit, to nine digits. Below the lower end it only
    # rises with the ratio or, without a residual, is at its limit as well.
    lowest, highest = eigenvalues.min(), eigenvalues.max() * 1e9
    if residual == 0:
        lowest *= 1e-9
    else:
        lowest /= max(1.0, 2 * n * lowest * (squares / eigenvalues).sum() / (residual * rank))
    low, high = math.log(lowest), math.log(highest)
    points = np.linspace(low, high, math.ceil((high - low) / _GRID_STEP) + 1)
    for _ in range(1 + _ZOOMS):
        values = log_evidence(points)
        place = int(values.argmax())
        best = max(best, float(values[place]))
        low, high = points[max(place - 1, 0)], points[min(place + 1, len(points) - 1)]
        points = np.linspace(low, high, 21)
    return best


def h_score(features: Tensor | np.ndarray, labels: Tensor | np.ndarray | None) -> float:
    r"""H-score: how much of the features' variance, in any direction, lies between classes.

    .. math::
        H = \operatorname{tr}\!\left(\operatorname{cov}(f)^{+}
        \operatorname{cov}(\mathbb E[f \mid y])\right)

    The pseudo-inverse leaves out directions with less than :math:`10^{-10}` of the largest
    variance, which is what float32 leaves of directions that do not vary. Apart from that,
    invertible affine maps of the features change nothing.

    Args:
        features: of shape (n, features), or (n, ...) which is flattened. With n - 1 features
            or more nearly all score :math:`C - 1`, noise as well: take far more images.
        labels: classes of shape (n,), C of at least 2 different ones.

    Returns:
        A number without unit: 0 where all classes have one mean, as with constant features, and at
        most the smaller of :math:`C - 1` and the number of features.

    Raises:
        ValueError: an array has another shape or type, a feature is not finite, the lengths
            differ, or there is one class only.

    Reference: Bao et al. 2019.
    """
    matrix = _scaled(_rows(features, "features"))
    classes = _classes(labels, "labels", len(matrix), "features")
    # The mean of a constant is rounded; its differences from one image are not.
    matrix = matrix - matrix[0]
    left, singular, _ = np.linalg.svd(matrix - matrix.mean(axis=0), full_matrices=False)
    left = left[:, singular**2 > _SMALLEST_VARIANCE * singular[0] ** 2]
    members = _one_hot(classes)
    # Along the left singular vectors the covariance is the identity, up to a factor that cancels.
    return float(((members.T @ left) ** 2 / members.sum(axis=0)[:, None]).sum())


def knn_accuracy(
    features: Tensor | np.ndarray, labels: Tensor | np.ndarray | None, *, neighbours: int = 5
) -> float:
    """Share of images whose class is the one most frequent among their nearest neighbours.

    Leave-one-out: an image is no neighbour of itself. Distances are Euclidean, features as they
    are; the lowest label wins a tie.

    Args:
        features: of shape (n, features), or (n, ...) which is flattened.
        labels: classes of shape (n,), at least 2 different ones.
        neighbours: how many have a vote.

    Returns:
        Accuracy in [0, 1].

    Raises:
        ValueError: an array has another shape or type, a feature is not finite, the lengths
            differ, there is one class only, or ``neighbours`` is not between 1 and n - 1.

    Reference: Cover & Hart 1967.
    """
    from sklearn.neighbors import NearestNeighbors

    matrix = _scaled(_rows(features, "features"))
    classes = _classes(labels, "labels", len(matrix), "features")
    if not 1 <= neighbours < len(matrix):
        raise ValueError(
            f"neighbours must be at least 1 and fewer than the {len(matrix)} images, not "
            f"{neighbours!r}"
        )
    nearest = NearestNeighbors(n_neighbors=neighbours).fit(matrix).kneighbors()[1]
    members = _one_hot(classes)
    votes = sum(members[column] for column in nearest.T)
    return float((votes.argmax(axis=1) == classes).mean())


def label_cka(features: Tensor | np.ndarray, labels: Tensor | np.ndarray | None) -> float:
    """Debiased linear CKA between features and labels, one column of 0 and 1 for each class.

    Args:
        features: of shape (n, features), or (n, ...) which is flattened; n of at least 4.
        labels: classes of shape (n,), at least 2 different ones.

    Returns:
        A number in [-1, 1], 0 on average where features and labels have nothing to do with each
        other; NaN, with a :class:`~tutorial_vae.similarity.ConstantLayerWarning`, where the
        features, or the labels, do not tell the images apart.

    Raises:
        ValueError: an array has another shape or type, a feature is not finite, the lengths
            differ, there is one class only, or there are fewer than 4 images.

    Reference: alignment with labels: Cortes et al. 2012; for layers of VAEs: Bonheme & Grzes 2023.
    """
    matrix = _rows(features, "features")
    classes = _classes(labels, "labels", len(matrix), "features")
    if len(matrix) < FEWEST_TO_COMPARE:
        raise ValueError(
            f"features must hold at least {FEWEST_TO_COMPARE} images, not {len(matrix)}"
        )
    # In the type they came in, which tells constant features from rounding.
    return cka(features, _one_hot(classes))


def _array(value: Tensor | np.ndarray | None) -> np.ndarray:
    if not isinstance(value, Tensor):
        return np.asarray(value)
    if value.dtype == torch.bfloat16:  # which NumPy does not have
        value = value.float()
    return value.numpy(force=True)


def _rows(value: Tensor | np.ndarray, name: str) -> Float64[np.ndarray, "n columns"]:
    """Check an array of numbers, one row per image, and return it in float64."""
    array = _array(value)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold real numbers, not {array.dtype}")
    if array.ndim < 2 or array.size == 0:
        raise ValueError(
            f"{name} must have the shape (n, columns), one row for each image, not {array.shape}"
        )
    rows = array.reshape(len(array), -1).astype(np.float64)
    wrong = np.argwhere(~np.isfinite(rows))
    if len(wrong):
        row, column = wrong[0]
        raise ValueError(
            f"{name} must be finite, but row {row} holds {rows[row, column]} in column {column}"
        )
    return rows


def _classes(
    value: Tensor | np.ndarray | None,
    name: str,
    n: int | None = None,
    partner: str = "",
    *,
    fewest: int = 2,
) -> Int64[np.ndarray, " n"]:
    """Check the labels of n images and number the classes that occur from 0."""
    if value is None:
        raise ValueError(f"{name} are missing: this score needs the class of each image")
    array = _array(value)
    if array.ndim != 1:
        raise ValueError(
            f"{name} must have the shape (n,), one class for each image, not {array.shape}"
        )
    if array.dtype.kind not in "biu":
        shown = f", such as {array[0]!r}" if len(array) else ""
        raise ValueError(
            f"{name} must hold whole numbers, the class of each image, not {array.dtype}{shown}"
        )
    if n is not None and len(array) != n:
        raise ValueError(
            f"{name} and {partner} must be of the same images, but there are {len(array)} and {n}"
        )
    found, classes = np.unique(array, return_inverse=True)
    if len(found) < fewest:
        only = f" ({found[0]})" if len(found) else ""
        raise ValueError(
            f"{name} must hold at least {fewest} {'class' if fewest == 1 else 'classes'}, not "
            f"{len(found)}{only}"
        )
    return classes.astype(np.int64)


def _one_hot(classes: Int64[np.ndarray, " n"]) -> Float64[np.ndarray, "n classes"]:
    return np.eye(classes.max() + 1)[classes]


def _scaled(rows: Float64[np.ndarray, "n columns"]) -> Float64[np.ndarray, "n columns"]:
    """Scale all features together, so that no square of a finite number overflows."""
    largest = np.abs(rows).max()
    return rows / largest if largest > 0 else rows
