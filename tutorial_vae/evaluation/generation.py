"""How good the pictures are that a model invents."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..data import ImageSet


class Quality(NamedTuple):
    """How much a set of pictures looks like a set of real ones.

    Attributes:
        far: share of pictures that are farther from every training image than 95 % of the unseen
            images are, in Euclidean distance between pixels.
        confidence: share of a random forest's votes for the class that gets most, mean per
            picture. The forest learnt the classes from the training images.
        variety: effective number of classes, the exponential of the entropy of the classes that
            the forest sees.
    """

    far: float
    confidence: float
    variety: float


class Judge:
    """Measures how much pictures look like those of a data set, in three ways that can all err.

    Args:
        train: the images that the models were trained on, with labels.
        unseen: images of the same kind that no model has seen.
        seed: seed of the random forest.

    Attributes:
        threshold: the distance beyond which a picture counts as far.
    """

    def __init__(self, train: ImageSet, unseen: ImageSet, *, seed: int = 0) -> None:
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.neighbors import NearestNeighbors

        pixels = train.images.flatten(1).numpy() / 255
        self._nearest = NearestNeighbors(n_neighbors=1).fit(pixels)
        self._forest = RandomForestClassifier(random_state=seed).fit(pixels, train.labels)
        self.threshold = float(np.quantile(self.distances(unseen.images / 255), 0.95))

    def distances(self, pictures: Float[Tensor, "n channels height width"]) -> np.ndarray:
        """Return the distance of each picture to the training image nearest to it.

        Args:
            pictures: with pixels in [0, 1].
        """
        return self._nearest.kneighbors(pictures.flatten(1).numpy())[0][:, 0]

    def __call__(self, pictures: Float[Tensor, "n channels height width"]) -> Quality:
        """Measure a set of pictures.

        Args:
            pictures: with pixels in [0, 1].
        """
        votes = self._forest.predict_proba(pictures.flatten(1).numpy())
        shares = np.bincount(votes.argmax(axis=1)) / len(votes)
        shares = shares[shares > 0]
        return Quality(
            far=float((self.distances(pictures) > self.threshold).mean()),
            confidence=float(votes.max(axis=1).mean()),
            variety=float(np.exp(-(shares * np.log(shares)).sum())),
        )


@torch.no_grad()
def draw_from_fitted_normal(
    codes: Float[Tensor, "n latent"], count: int, *, generator: torch.Generator | None = None
) -> Float[Tensor, "count latent"]:
    """Draw from the normal distribution that has the mean and the covariance of some codes.

    Args:
        codes: the codes.
        count: how many to draw.
        generator: source of randomness; the global one when it is not given.
    """
    spread = torch.linalg.cholesky(torch.cov(codes.T))
    noise = torch.randn(count, codes.shape[1], generator=generator)
    return codes.mean(dim=0) + noise @ spread.T
