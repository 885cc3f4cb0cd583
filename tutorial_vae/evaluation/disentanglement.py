"""Whether single latents stand for single factors of variation, where the true factors are known.

All scores lie in [0, 1]. They are computed from posterior means, see :func:`encode_images`.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float64, Int64
from torch import Tensor

if TYPE_CHECKING:
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

_USUAL_BINS = 20
IMPORTANCES = ("random_forest", "gradient_boosting")


class MIG(NamedTuple):
    """Mutual information gap.

    ``score`` is the mean of ``gaps``, of shape (factors,); ``mutual_information`` has the shape
    (latent, factors) and is in nats.
    """

    score: float
    gaps: Float64[np.ndarray, " factors"]
    mutual_information: Float64[np.ndarray, "latent factors"]


def mig(
    codes: Tensor | np.ndarray, factors: Tensor | np.ndarray | None, *, bins: int | None = None
) -> MIG:
    r"""Mutual information gap: how much more one latent knows of a factor than any other does.

    .. math:: \frac1K \sum_k \frac{I(z_{(1)}; v_k) - I(z_{(2)}; v_k)}{H(v_k)}

    Here :math:`z_{(1)}` and :math:`z_{(2)}` are the two latents that know most of factor
    :math:`v_k`. Each latent is cut into ``bins`` of equal width. The estimate is too high when
    there are few images to a bin: take thousands.

    Args:
        codes: posterior means of shape (n, latent), with at least 2 latents.
        factors: index of each factor's value, whole numbers of shape (n, factors), such as
            ``ImageSet.factors``.
        bins: cells that the range of each latent is cut into. When not given, 20 as is usual since
            Locatello et al. 2019, or as many as the factor with the most values has: in fewer, even
            codes that are the factors themselves would not reach 1.

    Returns:
        The gap: 1 when each factor is known to one latent alone, 0 when no latent stands out, as
        with constant codes.

    Raises:
        ValueError: the arrays do not go together, a factor has one value only, or ``bins`` is less
            than 2.

    Reference: Chen et al. 2018, section 4.
    """
    from sklearn.metrics import mutual_info_score

    latents, values = _codes_and_factors(codes, factors)
    if bins is None:
        bins = max(_USUAL_BINS, *(len(np.unique(column)) for column in values.T))
    if bins < 2:
        raise ValueError(f"bins must be at least 2, not {bins!r}")
    cells = [np.digitize(z, np.linspace(z.min(), z.max(), bins + 1)[1:-1]) for z in latents.T]
    information = np.array([[mutual_info_score(v, cell) for v in values.T] for cell in cells])
    entropy = np.array([mutual_info_score(v, v) for v in values.T])
    ordered = np.sort(information, axis=0)
    gaps = (ordered[-1] - ordered[-2]) / entropy
    return MIG(float(gaps.mean()), gaps, information)


class ImportanceScores(NamedTuple):
    """Disentanglement and completeness of an importance matrix."""

    disentanglement: float
    completeness: float


def importance_scores(importance: Float64[np.ndarray, "latent factors"]) -> ImportanceScores:
    r"""Disentanglement and completeness of a table of importances.

    A latent is disentangled as far as its row is concentrated on one factor: 1 minus the entropy
    of the row, normalised and in base K for K factors. A factor is captured completely as far as
    its column is concentrated on one latent, likewise. Both are means weighted by the sums of the
    rows or columns, so a latent that matters to no factor does not count.

    Args:
        importance: how much each latent matters to the prediction of each factor, numbers of at
            least 0, of shape (latent, factors), with at least 2 of each.

    Returns:
        Two values in [0, 1]; both are 0 when no latent matters to any factor.

    Raises:
        ValueError: ``importance`` is not what is said above.

    Reference: Eastwood & Williams 2018, section 2.
    """
    if importance.ndim != 2 or min(importance.shape) < 2:
        raise ValueError(
            "importance must have the shape (latent, factors) with at least 2 of each, not "
            f"{importance.shape}"
        )
    if not (np.isfinite(importance).all() and (importance >= 0).all()):
        raise ValueError("importance must hold finite numbers of at least 0")
    return ImportanceScores(_concentration(importance), _concentration(importance.T))


def _concentration(weights: Float64[np.ndarray, "rows columns"]) -> float:
    totals = weights.sum(axis=1)
    counted = totals > 0
    if not counted.any():
        return 0.0
    shares = weights[counted] / totals[counted, None]
    # 0 log 0 counts as 0, its limit.
    logarithms = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    entropy = -(shares * logarithms).sum(axis=1) / np.log(weights.shape[1])
    return float(np.average(1 - entropy, weights=totals[counted]))


class DCI(NamedTuple):
    """Disentanglement, completeness and informativeness of a code.

    ``informativeness`` is the mean of ``accuracies``, of shape (factors,): the share of held-out
    images whose value of a factor is predicted. ``importance`` has the shape (latent, factors).
    """

    disentanglement: float
    completeness: float
    informativeness: float
    accuracies: Float64[np.ndarray, " factors"]
    importance: Float64[np.ndarray, "latent factors"]


def dci(
    codes: Tensor | np.ndarray,
    factors: Tensor | np.ndarray | None,
    *,
    importance: str = "random_forest",
    seed: int = 0,
) -> DCI:
    """Disentanglement, completeness and informativeness, by predicting each factor from the code.

    One ensemble of 100 trees is trained for each factor on a random half of the images; what its
    splits use makes the importance matrix (see :func:`importance_scores`), and the other half
    gives the accuracy.

    Args:
        codes: posterior means of shape (n, latent), with at least 2 latents.
        factors: index of each factor's value, whole numbers of shape (n, factors), with at least 2
            factors.
        importance: ``"random_forest"``, or ``"gradient_boosting"`` as in Locatello et al. 2019,
            which is slow for factors of many values because it grows 100 trees for each value.
        seed: source of the halves and of the trees; the global random state is left as it was.

    Raises:
        ValueError: the arrays do not go together, a factor has one value only, or ``importance``
            is unknown.

    Reference: Eastwood & Williams 2018. They predict factors as numbers and report the error;
    with classes, as here, a higher informativeness is better.
    """
    latents, values = _codes_and_factors(codes, factors)
    if importance not in IMPORTANCES:
        raise ValueError(f"importance must be one of {IMPORTANCES}, not {importance!r}")
    if values.shape[1] < 2:
        raise ValueError("factors must hold at least 2 factors, not 1")
    order = np.random.default_rng(seed).permutation(len(latents))
    train, test = order[::2], order[1::2]
    _check_varying(values[train], "in the training half, which is too small")
    columns, accuracies = [], []
    for value in values.T:
        trees = _trees(importance, seed).fit(latents[train], value[train])
        columns.append(trees.feature_importances_)
        accuracies.append(trees.score(latents[test], value[test]))
    matrix = np.stack(columns, axis=1)
    return DCI(
        *importance_scores(matrix),
        informativeness=float(np.mean(accuracies)),
        accuracies=np.array(accuracies),
        importance=matrix,
    )


def _trees(importance: str, seed: int) -> "RandomForestClassifier | GradientBoostingClassifier":
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

    if importance == "gradient_boosting":
        return GradientBoostingClassifier(random_state=seed)
    # Every split sees every latent: with a random few, latents that know nothing get used.
    return RandomForestClassifier(max_features=None, random_state=seed)


def _codes_and_factors(
    codes: Tensor | np.ndarray, factors: Tensor | np.ndarray | None
) -> tuple[Float64[np.ndarray, "n latent"], Int64[np.ndarray, "n factors"]]:
    if factors is None:
        raise ValueError(
            "factors are missing: these scores need images whose factors of variation are known, "
            "such as load_images('dsprites').factors"
        )
    latents, values = (
        array.detach().cpu().numpy() if isinstance(array, Tensor) else np.asarray(array)
        for array in (codes, factors)
    )
    if latents.ndim != 2 or latents.shape[1] < 2:
        raise ValueError(
            f"codes must have the shape (n, latent) with at least 2 latents, not {latents.shape}"
        )
    if values.ndim != 2 or values.shape[1] < 1:
        raise ValueError(f"factors must have the shape (n, factors), not {values.shape}")
    if len(latents) != len(values) or len(latents) < 4:
        raise ValueError(
            "codes and factors must have as many rows, one for each image, at least 4; they have "
            f"{len(latents)} and {len(values)}"
        )
    if values.dtype.kind not in "iu":
        raise ValueError(
            f"factors must hold whole numbers, the index of each value, not {values.dtype}"
        )
    latents = latents.astype(np.float64)
    if not np.isfinite(latents).all():
        raise ValueError("codes must be finite, but hold NaN or infinity")
    _check_varying(values, "over these images")
    return latents, values.astype(np.int64)


def _check_varying(values: Int64[np.ndarray, "n factors"], where: str) -> None:
    constant = np.flatnonzero((values == values[0]).all(axis=0))
    if len(constant):
        raise ValueError(
            f"factors must vary, but column {constant[0]} has one value only {where}: take more "
            "images, or leave the column out"
        )
