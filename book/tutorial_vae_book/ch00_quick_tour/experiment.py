"""What chapter 00 shows: two VAEs compared layer by layer, and what their encoders are worth."""

import torch

from tutorial_vae.data import ImageSet, load_images
from tutorial_vae.evaluation import evaluate
from tutorial_vae.models import VAE
from tutorial_vae.similarity import compare_layers
from tutorial_vae.training import fit

from ..grid import Experiment
from ..table import Row


def quick_tour(seed: int) -> list[Row]:
    """Everything that the first chapter measures, for one seed.

    Two VAEs are trained on handwritten digits and one on printed letters, compared on unseen
    digits layer by layer, and the digits are then learnt anew on top of frozen encoders.

    Args:
        seed: seed of the start weights, the batches, the noise and the drawn letters.

    Returns:
        Rows with the columns seed, measure, name, part, layer and value: the held-out ELBO in
        nats per image, or the CKA of one layer, in the encoder or the decoder, with the same
        layer of the VAE trained on digits.
    """
    digits, unseen = load_images("digits"), load_images("digits", "test")
    letters = load_images("glyphs-latin", limit=2000, seed=seed)
    digit_vae = _trained(digits, seed)
    others = {
        "letters": _trained(letters, seed),
        "digits, other seed": _trained(digits, seed + 1000),
        "untrained": _fresh(digits, seed + 2000),
    }
    rows: list[Row] = []

    def add(measure: str, name: str, value: float, layer: str = "") -> None:
        rows.append(
            {
                "seed": seed,
                "measure": measure,
                "name": name,
                "part": layer.partition(".")[0],
                "layer": layer,
                "value": value,
            }
        )

    add("elbo", "trained on digits", evaluate(digit_vae, unseen).elbo)
    add("elbo", "trained on letters", evaluate(others["letters"], unseen).elbo)
    for name, other in others.items():
        similarity = compare_layers(digit_vae, other, unseen)
        for index, layer in enumerate(similarity.rows):
            add("cka", name, float(similarity.values[index, index]), layer)
    for name in ("letters", "untrained"):
        model = _fresh(digits, seed + 3000)
        model.encoder = others[name].encoder
        model.encoder.requires_grad_(requires_grad=False)
        _train(model, digits, seed)
        add("elbo", f"encoder {name}, decoder retrained", evaluate(model, unseen).elbo)
    return rows


def _fresh(images: ImageSet, seed: int) -> VAE:
    torch.manual_seed(seed)
    return VAE(images.image_shape)


def _train(model: VAE, images: ImageSet, seed: int, *, steps: int = 800) -> None:
    fit(model, images, steps=steps, batch_size=32, lr=2e-3, seed=seed, progress=False)


def _trained(images: ImageSet, seed: int) -> VAE:
    model = _fresh(images, seed)
    _train(model, images, seed)
    return model


EXPERIMENTS = {"quick_tour": Experiment(quick_tour)}
