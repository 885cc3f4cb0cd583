"""The tasks of chapter 13: pairs of labelled sets between which something should carry over."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Int
from torch import Tensor

from tutorial_vae.data import ImageSet, load_images
from tutorial_vae.data.solids import SOLIDS, random_rotations, render
from tutorial_vae.files import data_root

from ..trained_models import grey_images

# Other classes than the source's: a new head has to be learnt from labels of the target.
TASKS = {
    "latin to greek": ("glyphs-latin", "glyphs-greek"),
    "rendered to mnist": ("glyphs-digits", "mnist"),
    "fashion halves": ("fashion-mnist:0-4", "fashion-mnist:5-9"),
    "cifar halves": ("cifar10:0-4", "cifar10:5-9"),
    "omniglot to korean": ("omniglot:Balinese,Early_Aramaic,Greek,Latin", "omniglot:Korean"),
}

# The same classes in other pictures: no label of the target is read.
SHIFTS = {
    "rendered to digits": ("glyphs-digits", "digits"),
    "digits to rendered": ("digits", "glyphs-digits"),
    "rendered to mnist": ("glyphs-digits", "mnist"),
    "mnist to usps": ("mnist", "usps"),
    "usps to mnist": ("usps", "mnist"),
    "solids, other light": ("solids", "solids:low light"),
}

# A task and a shift that need no download, for the short benchmark.
SHORT = ("latin to greek", "digits to rendered")

_LOW_LIGHT = (0.9, -0.4, -0.1)  # from the right, a little from below and behind
_LIMIT = 5000
_POOL = 1000
_VALIDATION = 250


@cache
def task_images(name: str, split: str) -> ImageSet:
    """Load one side of a task: grey 32×32 images with labels.

    Args:
        name: of a set; ``NAME:5-9`` keeps these classes, numbered anew, ``omniglot:Korean`` these
            alphabets, and ``solids:low light`` has the lamp fixed at the lower right, where the
            solids of ``solids`` are lit from the front. Omniglot may also lie as a folder of
            alphabets, ``omniglot-pictures``, in the data folder, and USPS as ``usps-part.npz``.
        split: ``"train"`` or ``"test"``. Of an Omniglot character every other drawing is held out.
    """
    base, _, part = name.partition(":")
    if base == "omniglot":
        return _omniglot(part.split(","), split)
    if name == "solids:low light":
        return _solids_in_low_light(split)
    usps = data_root() / "usps-part.npz"
    if base == "usps" and usps.is_file():
        return load_images(f"npz:{usps}", split, channels=1, limit=_LIMIT)
    images = grey_images(base, split, limit=_LIMIT if split == "train" else 2000)
    if not part:
        return images
    first, last = map(int, part.split("-"))
    return _with_classes(images, range(first, last + 1))


def balanced_order(labels: Int[Tensor, " n"], seed: int) -> Int[Tensor, " n"]:
    """Return a random order of images in which the classes take turns.

    The first k images hold every class as often as any other, as far as there are enough of it; a
    larger share holds the smaller one.

    Args:
        labels: of the images.
        seed: of the order.
    """
    shuffled = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    return shuffled[_turns(labels[shuffled]).argsort(stable=True)]


@dataclass(frozen=True)
class LabelledTarget:
    """Labelled images of a target.

    Attributes:
        pool: at most 1,000, of which a task may use a share; classes take turns, so that every
            share holds them equally often.
        validation: others, for choosing among trials: the same, and as many, for every share.
    """

    pool: ImageSet
    validation: ImageSet


def labelled_target(name: str, seed: int) -> LabelledTarget:
    """Return labelled images of a target: 1,000 at most to learn from, some 250 to validate on.

    Of the Korean alphabet, with 40 characters, there are 320 and 80.

    Args:
        name: as :func:`task_images` names it.
        seed: of the choice.
    """
    images = task_images(name, "train")
    labels = labels_of(images)
    order = balanced_order(labels, seed)
    classes = len(images.class_names)
    # Whole rounds, so that what comes after begins with the first class again.
    rounds = max(1, round(min(_VALIDATION, len(images) / 5) / classes))
    validation, rest = order[: rounds * classes], order[rounds * classes :]
    return LabelledTarget(images[rest[:_POOL]], images[validation])


def unlabelled_target(name: str, seed: int) -> Tensor:
    """Return at most 1,000 images of a target as they come, of shape (n, 1, 32, 32).

    Args:
        name: as :func:`task_images` names it.
        seed: of the choice.
    """
    images = task_images(name, "train").images
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    return images[order[:_POOL]]


def labels_of(images: ImageSet) -> Int[Tensor, " n"]:
    """Return the labels of a set that must have them.

    Args:
        images: the set.

    Raises:
        ValueError: it has none.
    """
    if images.labels is None:
        raise ValueError(f"{images.name} has no labels, which a task needs")
    return images.labels


def _with_classes(images: ImageSet, classes: range) -> ImageSet:
    kept = images[(labels_of(images) >= classes.start) & (labels_of(images) < classes.stop)]
    return ImageSet(
        name=images.name,
        images=kept.images,
        labels=labels_of(kept) - classes.start,
        class_names=images.class_names[classes.start : classes.stop],
    )


def _omniglot(alphabets: list[str], split: str) -> ImageSet:
    pictures = data_root() / "omniglot-pictures"
    if pictures.is_dir():
        parts = [_alphabet_in(pictures, alphabet) for alphabet in alphabets]
    else:
        everything = load_images("omniglot")
        parts = [_alphabet_of(everything, alphabet) for alphabet in alphabets]
    labels: list[Tensor] = []
    names: tuple[str, ...] = ()
    for part in parts:
        labels.append(labels_of(part) + len(names))
        names += part.class_names
    together = ImageSet(
        name="omniglot",
        images=torch.cat([part.images for part in parts]),
        labels=torch.cat(labels),
        class_names=names,
    )
    return together[_turns(torch.cat(labels)) % 2 == (split == "test")]


def _alphabet_in(pictures: Path, alphabet: str) -> ImageSet:
    """Load an alphabet from a folder of pictures, in which ink is black."""
    halves = [
        load_images(f"folder:{pictures / alphabet}", split, channels=1)
        for split in ("train", "test")
    ]
    return ImageSet(
        name=alphabet,
        images=255 - torch.cat([half.images for half in halves]),
        labels=torch.cat([labels_of(half) for half in halves]),
        class_names=halves[0].class_names,
    )


def _alphabet_of(images: ImageSet, alphabet: str) -> ImageSet:
    """Keep one alphabet of torchvision's Omniglot, whose characters lie side by side."""
    places = [i for i, name in enumerate(images.class_names) if name.startswith(f"{alphabet}/")]
    return _with_classes(images, range(places[0], places[-1] + 1))


def _solids_in_low_light(split: str) -> ImageSet:
    generator = torch.Generator().manual_seed(2 + (split == "test"))
    count = 2000
    labels = torch.randint(len(SOLIDS), (count,), generator=generator)
    scale = 0.7 + 0.25 * torch.rand(count, generator=generator)
    light = F.normalize(torch.tensor(_LOW_LIGHT), dim=0).expand(count, 3)
    images = render(labels, random_rotations(count, generator), light, scale, size=32)
    return ImageSet("solids:low light", images, labels, class_names=SOLIDS)


def _turns(labels: Int[Tensor, " n"]) -> Int[Tensor, " n"]:
    """Number the images of each class, from 0."""
    turns = torch.empty_like(labels)
    for label in labels.unique():
        places = (labels == label).nonzero()[:, 0]
        turns[places] = torch.arange(len(places))
    return turns
