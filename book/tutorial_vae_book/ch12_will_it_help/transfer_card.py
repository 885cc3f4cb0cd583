"""Chapter 12: what a card is told about a source, before anything is retrained."""

from functools import cache

from tutorial_vae.models import VAE
from tutorial_vae.transfer.assessment import comparison_models, evidence_beside
from tutorial_vae.transfer.target import Target

from ..ch11_what_to_retrain.experiment import SIZE, TARGETS, target_images
from ..grid import Experiment, Settings
from ..table import Row
from ..trained_models import IMAGE_SETS, SEEDS, trained
from .reliability import keep_reliability

GRID: list[Settings] = [
    {"target": target, "source": source, "seed": seed}
    for seed in SEEDS
    for target in TARGETS
    for source in IMAGE_SETS
    if source != target
]


def transfer_card(source: str, target: str, seed: int) -> list[Row]:
    """Make the card of a source's VAE for 1,000 labelled images of a target.

    The images are those of the experiment ``transfer``; the card is that of ``assess``.

    Args:
        source: name of the set that the model was trained on.
        target: name of the set that it would go to.
        seed: of the source's model, of the choice of images and of the card.

    Returns:
        Rows with the columns target, source, seed, measure, value, low and high: the numbers that
        the card's answers turn on, each with its 95 % interval, and the numbers of images, of
        held-out images and of classes, which have none. From them ``recommend`` gives the answers.
    """
    compared, images = _compared(target, seed)
    evidence = evidence_beside(compared, trained(source, seed), images)
    settings: Row = {"target": target, "source": source, "seed": seed}
    counts = {
        "images": evidence.images,
        "held-out images": evidence.held_out,
        "classes": evidence.classes,
    }
    estimates = {
        "gain": evidence.gain,
        "gain of inverted images": evidence.inverted_gain,
        "encoder's lead": evidence.encoder_lead,
        **{f"lead over {control}": lead for control, lead in evidence.leads.items()},
    }
    return [
        *(settings | {"measure": m, "value": n, "low": n, "high": n} for m, n in counts.items()),
        *(settings | {"measure": m} | estimate._asdict() for m, estimate in estimates.items()),
    ]


@cache
def _compared(target: str, seed: int) -> tuple[dict[str, VAE], Target]:
    found, _ = target_images(target, SIZE, seed)
    model = VAE(found.image_shape)
    images = Target(found, components=model.latent_dim, seed=seed)
    return comparison_models(model, images, progress=False), images


EXPERIMENTS = {
    "transfer_card": Experiment(transfer_card, GRID, after="models", keep=keep_reliability)
}
