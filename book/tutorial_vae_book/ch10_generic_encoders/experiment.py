"""What chapter 10 shows besides similarity and stitching: pairs without common start weights."""

from tutorial_vae.similarity import compare_layers

from ..ch09_inside_a_vae.similarity import TARGETS
from ..grid import Experiment
from ..table import Row
from ..trained_models import IMAGE_SETS, SEEDS, grey_images, trained

_UNSEEN = 1000


def generic_encoders(target: str, seed: int) -> list[Row]:
    """CKA of each layer of VAEs trained on two sets from different start weights.

    Models of one seed start from the same weights whatever their set, so the pairs in
    ``similarity`` do. Here the source's model has the next seed, like the ceiling's.

    Args:
        target: name of the target set; both models see its unseen images.
        seed: of the target's model.

    Returns:
        Rows with the columns target, seed, source, layer and value.
    """
    images = grey_images(target, "test", limit=_UNSEEN)
    model = trained(target, seed)
    rows: list[Row] = []
    for source in IMAGE_SETS:
        if source == target:
            continue
        other = trained(source, (seed + 1) % len(SEEDS))
        compared = compare_layers(other, model, images, precision="32")
        settings: Row = {"target": target, "seed": seed, "source": source}
        rows += [
            settings | {"layer": layer, "value": value}
            for layer, value in zip(compared.rows, compared.values.diagonal().tolist(), strict=True)
        ]
    return rows


EXPERIMENTS = {"generic_encoders": Experiment(generic_encoders, TARGETS, after="models")}
