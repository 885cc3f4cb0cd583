"""Chapter 13: every source for every target, scored before training and tried out after."""

import torch

from tutorial_vae.adaptation.backbones import Backbone
from tutorial_vae.adaptation.classifiers import Classifier, predict
from tutorial_vae.data import ImageSet
from tutorial_vae.data.imageset import as_float
from tutorial_vae.transfer import h_score, knn_accuracy, label_cka, leep, logme, nce

from ..grid import Experiment, Settings
from ..table import Row
from ..trained_models import SEEDS
from .tasks import TASKS, labelled_target
from .transferability import tuned
from .transferability_sources import GRID as SOURCES
from .transferability_sources import backbone_of, classifier_of

METHODS = ("linear-probe", "fine-tuning")

_FRACTION = 30

GRID: list[Settings] = [
    {
        "target": target,
        "source": str(run["source"]),
        "pretraining": str(run["pretraining"]),
        "seed": seed,
    }
    for seed in SEEDS
    for task_source, target in TASKS.values()
    for run in SOURCES
    if run["seed"] == seed
    and run["source"] != target
    # Other kinds of pre-training compete on the source of the task alone.
    and (run["pretraining"] == "supervised" or run["source"] == task_source)
]


def transferability_ranking(target: str, source: str, pretraining: str, seed: int) -> list[Row]:
    """Score a backbone on a target without training, and measure what it brings there.

    Args:
        target: the target of a task, as :func:`task_images` names it.
        source: of any task or shift, or of this task where the backbone is not supervised.
        pretraining: what the backbone learnt there, one of ``KINDS``, or ``"none"``.
        seed: of the backbone, the choice of images, the new head and the batches.

    Returns:
        Rows with the columns target, source, pretraining, seed, measure and value: the scores
        ``logme``, ``h_score``, ``label_cka`` and ``knn_accuracy`` on 30 % of the target's
        labelled images, ``leep`` and ``nce`` where the backbone was supervised; and the held-out
        accuracies ``linear-probe`` and ``fine-tuning`` with the same labels, as
        :func:`transferability` measures them.
    """
    classifier = classifier_of(source, seed) if pretraining == "supervised" else None
    backbone = backbone_of(source, pretraining, seed)
    labelled = labelled_target(target, seed).pool
    # As many labels as what they foretell.
    measured = _scores(backbone, classifier, labelled[: len(labelled) * _FRACTION // 100])
    for method in METHODS:
        _, outcome = tuned(source, target, pretraining, method, _FRACTION, seed)
        measured[method] = outcome["accuracy"]
    settings: Row = {"target": target, "source": source, "pretraining": pretraining, "seed": seed}
    return [settings | {"measure": name, "value": value} for name, value in measured.items()]


@torch.no_grad()
def _scores(
    backbone: Backbone, classifier: Classifier | None, images: ImageSet
) -> dict[str, float]:
    """What every score says; ``leep`` and ``nce`` need a head for the source's classes."""
    features = backbone.eval()(as_float(images.images)).numpy()
    scores = {
        "logme": logme(features, images.labels),
        "h_score": h_score(features, images.labels),
        "label_cka": label_cka(features, images.labels),
        "knn_accuracy": knn_accuracy(features, images.labels),
    }
    if classifier is not None:
        probabilities = predict(classifier, images).softmax(dim=1)
        scores["leep"] = leep(probabilities, images.labels)
        scores["nce"] = nce(probabilities.argmax(dim=1), images.labels)
    return scores


EXPERIMENTS = {
    "transferability_ranking": Experiment(
        transferability_ranking, GRID, after="transferability_sources"
    )
}
