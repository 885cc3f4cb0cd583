"""Chapter 13: every source for every target, scored before training and tried out after."""

from .grid import Settings
from .models import SEEDS
from .table import Row
from .tasks import TASKS, labelled_target
from .transferability import tuned
from .transferability_sources import GRID as SOURCES
from .transferability_sources import backbone_of, classifier_of, scores_of

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
    measured = scores_of(backbone, classifier, labelled[: len(labelled) * _FRACTION // 100])
    for method in METHODS:
        _, outcome = tuned(source, target, pretraining, method, _FRACTION, seed)
        measured[method] = outcome["accuracy"]
    settings: Row = {"target": target, "source": source, "pretraining": pretraining, "seed": seed}
    return [settings | {"measure": name, "value": value} for name, value in measured.items()]
