"""The named sets: what each is, how large, whose, and where it comes from.

The rows are in ``catalogue.toml``.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DataSetInfo:
    """One line of the catalogue.

    Attributes:
        name: what ``load_images`` takes.
        summary: what the pictures show.
        image_shape: channels, height and width of the stored pictures; for sets that are drawn,
            of the size that they are usually drawn at. ``load_images`` resizes to any size.
        train_count: images in the training part. Sets that are drawn give as many as this when no
            ``limit`` is named, and more or fewer when one is.
        test_count: the same for the test part.
        licence: terms of use of the pictures, as far as their publisher states them.
        source: who made them, or what they are drawn from.
        offline: whether the set works without a network from the first time on.
    """

    name: str
    summary: str
    image_shape: tuple[int, int, int]
    train_count: int
    test_count: int
    licence: str
    source: str
    offline: bool


CATALOGUE: dict[str, DataSetInfo] = {
    name: DataSetInfo(name, **(row | {"image_shape": tuple(row["image_shape"])}))
    for name, row in tomllib.loads(
        Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    ).items()
}
