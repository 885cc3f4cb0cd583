"""What chapter 09 shows: decoders seen while they train, all reading the same codes."""

import torch

from tutorial_vae.similarity import compare_layers

from ..grid import Experiment
from ..table import Row
from ..trained_models import STEPS, grey_images, trained
from .similarity import SEEN_WHILE_TRAINING

_UNSEEN = 1000


def inside_a_vae(images: str, seed: int) -> list[Row]:
    """CKA of each decoder layer, at some steps of its training, with itself at the last step.

    Unlike in ``similarity_while_training``, the decoder of every step reads the same codes, the
    posterior means of the encoder at the last step, so it does not move because its encoder does.

    Args:
        images: name of the set; the codes are of its unseen images.
        seed: of the model.

    Returns:
        Rows with the columns images, seed, step, layer and value.
    """
    unseen = grey_images(images, "test", limit=_UNSEEN)
    last = trained(images, seed)
    with torch.no_grad():
        codes = last.encode(unseen.images.float() / 255).mean
    rows: list[Row] = []
    for step in STEPS:
        layers = [name.removeprefix("decoder.") for name in last.layer_names if "decoder" in name]
        earlier = trained(images, seed, step=step).decoder
        compared = compare_layers(earlier, last.decoder, codes, layers=layers)
        rows += [
            {"images": images, "seed": seed, "step": step, "layer": f"decoder.{name}", "value": v}
            for name, v in zip(compared.rows, compared.values.diagonal().tolist(), strict=True)
        ]
    return rows


EXPERIMENTS = {"inside_a_vae": Experiment(inside_a_vae, SEEN_WHILE_TRAINING, after="models")}
