"""Chapters 09 and 10: layers compared between data sets, seeds, objectives and steps."""

from collections import OrderedDict

from torch import nn

from tutorial_vae.models import VAE, fresh_copy
from tutorial_vae.similarity import LayerSimilarity, compare_layers
from tutorial_vae.transfer import stitch

from ..grid import Experiment, Settings
from ..table import Row
from ..trained_models import IMAGE_SETS, OBJECTIVES, SEEDS, STEPS, grey_images, trained

_UNSEEN = 1000
_SEED_OF_UNTRAINED = 1000

TARGETS: list[Settings] = [{"target": images, "seed": s} for images in IMAGE_SETS for s in SEEDS]
SEEN_WHILE_TRAINING: list[Settings] = [
    {"images": images, "seed": s} for images in IMAGE_SETS for s in SEEDS
]
UNDER_OBJECTIVES: list[Settings] = [{"images": "dsprites", "seed": s} for s in SEEDS]


def similarity(target: str, seed: int) -> list[Row]:
    """CKA of a VAE trained on each set, layer by layer, with the one trained on a target set.

    Both see the same 1,000 unseen images of the target.

    Args:
        target: name of the target set.
        seed: of both models. On the target's own row in the table the source has the next seed:
            the ceiling, what two runs on the same images have in common.

    Returns:
        One row per source and source layer, with the columns target, seed, source, layer and one
        for each layer of the target's model. Sources are the sets, ``"untrained"``, a network at
        fresh random weights, and ``"pixels"``, with a single layer of that name.
    """
    images = grey_images(target, "test", limit=_UNSEEN)
    model = trained(target, seed)
    sources: dict[str, VAE] = {
        source: trained(source, _next(seed) if source == target else seed) for source in IMAGE_SETS
    }
    sources["untrained"] = fresh_copy(model, seed=_SEED_OF_UNTRAINED + seed)
    rows: list[Row] = []

    def named(source: str, layer: str) -> Row:
        return {"target": target, "seed": seed, "source": source, "layer": layer}

    for source, other in sources.items():
        compared = compare_layers(other, model, images)
        rows += [named(source, layer) | values for layer, values in _by_row(compared)]
    pixels = nn.Sequential(OrderedDict(pixels=nn.Identity()))
    compared = compare_layers(pixels, model, images)
    return rows + [named("pixels", layer) | values for layer, values in _by_row(compared)]


def similarity_while_training(images: str, seed: int) -> list[Row]:
    """CKA of each layer of a VAE, at some steps of its training, with itself at the last step.

    Args:
        images: name of the set; both see its unseen images.
        seed: of the model.

    Returns:
        Rows with the columns images, seed, step, layer and value.
    """
    unseen = grey_images(images, "test", limit=_UNSEEN)
    last = trained(images, seed)
    rows: list[Row] = []
    for step in STEPS:
        values = _same_layers(compare_layers(trained(images, seed, step=step), last, unseen))
        settings: Row = {"images": images, "seed": seed, "step": step}
        rows += [settings | {"layer": layer, "value": value} for layer, value in values]
    return rows


def similarity_of_objectives(images: str, seed: int) -> list[Row]:
    """CKA of each layer of two VAEs trained on the same images under two objectives.

    Args:
        images: name of the set; both see its unseen images.
        seed: of the first model. The second has the next seed, so that a pair under one objective
            is the ceiling for pairs under two.

    Returns:
        Rows with the columns images, seed, objective, other, layer and value.
    """
    unseen = grey_images(images, "test", limit=_UNSEEN)
    rows: list[Row] = []
    for objective in OBJECTIVES:
        model = trained(images, seed, objective=objective)
        for name in OBJECTIVES:
            other = trained(images, _next(seed), objective=name)
            values = _same_layers(compare_layers(model, other, unseen))
            settings: Row = {"images": images, "seed": seed, "objective": objective, "other": name}
            rows += [settings | {"layer": layer, "value": value} for layer, value in values]
    return rows


def stitching(target: str, seed: int) -> list[Row]:
    """What a decoder makes of a foreign code, and a foreign decoder of the target's code.

    Both ways on 1,000 unseen images of the target; the target's model is the reference.

    Args:
        target: name of the target set.
        seed: of the models. From the target itself the foreign model has the next seed: the
            ceiling.

    Returns:
        Rows with the columns target, seed, source, kind and value, the share of the reconstruction
        gain that is kept (:class:`~tutorial_vae.transfer.StitchResult`). Kinds are ``"foreign
        encoder"``, ``"foreign decoder"`` and, in the place of the encoder, ``"pca of source"``:
        principal components of the source's training images. The sources ``"untrained"`` and
        ``"pca"``, components of the images themselves, are controls in the same place.
    """
    images = grey_images(target, "test", limit=_UNSEEN)
    model = trained(target, seed)
    rows: list[Row] = []
    for source in IMAGE_SETS:
        foreign = trained(source, _next(seed) if source == target else seed)
        there = stitch(foreign, model, images, pca_images=grey_images(source), seed=seed)
        back = stitch(model, foreign, images, reference=model, seed=seed)
        shares = {
            "foreign encoder": there.share,
            "foreign decoder": back.share,
            "pca of source": there.baselines["pca"],
        }
        settings: Row = {"target": target, "seed": seed, "source": source}
        rows += [settings | {"kind": kind, "value": share} for kind, share in shares.items()]
    controls = stitch(model, model, images, seed=seed).baselines
    settings = {"target": target, "seed": seed, "kind": "foreign encoder"}
    rows += [settings | {"source": name, "value": share} for name, share in controls.items()]
    return rows


def _next(seed: int) -> int:
    return (seed + 1) % len(SEEDS)


def _by_row(compared: LayerSimilarity) -> list[tuple[str, Row]]:
    return [
        (layer, dict(zip(compared.columns, values.tolist(), strict=True)))
        for layer, values in zip(compared.rows, compared.values, strict=True)
    ]


def _same_layers(compared: LayerSimilarity) -> list[tuple[str, float]]:
    return list(zip(compared.rows, compared.values.diagonal().tolist(), strict=True))


EXPERIMENTS = {
    "similarity": Experiment(similarity, TARGETS, after="models"),
    "similarity_while_training": Experiment(
        similarity_while_training, SEEN_WHILE_TRAINING, after="models"
    ),
    "similarity_of_objectives": Experiment(
        similarity_of_objectives, UNDER_OBJECTIVES, after="models"
    ),
    "stitching": Experiment(stitching, TARGETS, after="models"),
}
