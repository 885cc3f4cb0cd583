"""The images that a card is about, checked, and everything that is made of them once."""

from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from ..data import ImageSet
from ..data.imageset import image_tensor
from ..evaluation.baselines import fit_pca, flat_pixels, pca_squared_errors
from ..evaluation.passes import checked_images
from ..models import VAE

FEWEST_TO_ASSESS = 20
MOST_TO_ASSESS = 2000  # grams and the map of the latents grow with the square of their number


class Target:
    """Images of a target as all parts of a card read them.

    Args:
        images: the images, all of which are looked at.
        components: of PCA: as many as the source has latents.
        seed: of the held-out fifth and of PCA's randomised solver.

    Attributes:
        images: the images.
        kept: four fifths, which the target model, PCA and the mean image may see.
        held_out: the other fifth.
        classes: class of each image, from 0 without gaps; nothing without labels.
        class_count: how many classes occur; 0 without labels.
        components: as above.
        seed: as above.
    """

    def __init__(self, images: ImageSet, *, components: int, seed: int) -> None:
        self.images = images
        self.components = components
        self.seed = seed
        order = np.random.default_rng([seed, 1]).permutation(len(images))
        self._unseen, self._seen = np.split(order, [len(images) // 5])
        self.kept, self.held_out = images[self._seen], images[self._unseen]
        self.classes: Int64[Tensor, " n"] | None = None
        if images.labels is not None:
            self.classes = images.labels.unique(return_inverse=True)[1]
        self.class_count = 0 if self.classes is None else int(self.classes.max()) + 1

    @cached_property
    def pixels(self) -> Float[np.ndarray, "n pixels"]:
        """The images as rows of pixels in [0, 1]."""
        return flat_pixels(self.images.images)

    @cached_property
    def controls(self) -> dict[str, Float[np.ndarray, "n _"]]:
        """What the source's latents have to beat: principal components, and the pixels."""
        pca = fit_pca(self.pixels, self.components, seed=self.seed)
        return {"pca": pca.transform(self.pixels), "pixels": self.pixels}

    @cached_property
    def control_errors(self) -> dict[str, Float64[np.ndarray, " held_out"]]:
        """Squared error per pixel of each held-out image by PCA and by the mean of the others."""
        seen, unseen = self.pixels[self._seen], self.pixels[self._unseen]
        mean = np.square(unseen - seen.mean(axis=0)).mean(axis=1, dtype=np.float64)
        if (seen == seen[0]).all():  # then the only component is the mean
            pca = np.square(unseen - seen[0]).mean(axis=1, dtype=np.float64)
        else:
            pca = pca_squared_errors(fit_pca(seen, self.components, seed=self.seed), unseen)
        return {"pca": pca, "mean image": mean}


def check_limit(limit: int) -> None:
    """Raise a ValueError when so many images cannot be looked at.

    Args:
        limit: images at most.
    """
    if not FEWEST_TO_ASSESS <= limit <= MOST_TO_ASSESS:
        raise ValueError(
            f"limit must be from {FEWEST_TO_ASSESS} to {MOST_TO_ASSESS:,}, not {limit!r}"
        )


def as_set(source: VAE, images: ImageSet | Tensor) -> ImageSet:
    """Check images against the model that will read them, and return them as a set."""
    pixels = checked_images(source, images)
    if isinstance(images, ImageSet):
        return images
    return ImageSet(name="images", images=pixels.cpu())


def labelled(
    source: VAE, images: ImageSet | Tensor, labels: Tensor | np.ndarray | None
) -> ImageSet:
    """Check the target and its labels, and return them as one set."""
    found = image_tensor(images)
    if tuple(found.shape[1:]) != source.image_shape:
        channels, height, _ = source.image_shape
        raise ValueError(
            f"images have the shape {tuple(found.shape[1:])}, but the source was made for "
            f"{source.image_shape}: load them with size={height}, channels={channels}"
        )
    if len(found) < FEWEST_TO_ASSESS:
        raise ValueError(
            f"images must hold at least {FEWEST_TO_ASSESS} images, not {len(found)}: fewer say "
            "nothing"
        )
    if (found == found[0]).all():
        raise ValueError("images must differ, but all of them are the same")
    target = as_set(source, images)
    if labels is None:
        return target
    given = torch.as_tensor(labels)
    if given.shape != (len(target),) or given.is_floating_point() or given.is_complex():
        raise ValueError(
            f"labels must be whole numbers of shape ({len(target)},), one for each image, not "
            f"{given.dtype} of shape {tuple(given.shape)}"
        )
    values, classes = given.cpu().unique(return_inverse=True)
    return ImageSet(
        name=target.name,
        images=target.images,
        labels=classes,
        class_names=tuple(str(value) for value in values.tolist()),
    )


def subset(images: ImageSet, limit: int, seed: int) -> ImageSet:
    """Return the images, or a random part of them where there are more than ``limit``."""
    if len(images) <= limit:
        return images
    return images[np.random.default_rng(seed).permutation(len(images))[:limit]]
