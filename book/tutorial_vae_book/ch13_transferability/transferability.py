"""Chapter 13: every transfer method on every task, with the same data, steps and trials."""

import torch

from tutorial_vae import adaptation
from tutorial_vae.adaptation.classifiers import Classifier, accuracy, predict
from tutorial_vae.data import ImageSet
from tutorial_vae.devices import own_random_state

from ..grid import Experiment, Settings
from ..table import Row
from ..trained_models import SEEDS
from .tasks import SHIFTS, SHORT, TASKS, labelled_target, labels_of, task_images, unlabelled_target
from .transferability_sources import UNTRAINED, backbone_of, classifier_of

FRACTIONS = (5, 15, 30, 50, 100)
TUNED = "tuned"

# 16 labelled images of 40 characters.
_TOO_FEW = ("omniglot to korean", 5)

# Three trials for every method, which differ in the learning rate alone: a penalty has the strength
# that its authors gave it. A head alone can take larger steps.
_RATES = (3e-4, 1e-3, 3e-3)
TRIALS: dict[str, list[dict[str, float]]] = {
    "linear-probe": [{"lr": lr} for lr in (3e-3, 1e-2, 3e-2)],
    **{
        method: [{"lr": lr} for lr in _RATES]
        for method in ("fine-tuning", "l2-sp", "delta", "bss", "adapters")
    },
}
# And three for every method of domain adaptation. Which of them to judge it by is decided on the
# other tasks, for no label of a target may be read.
SHIFT_TRIALS: dict[str, list[dict[str, float]]] = {
    "source-only": [{"lr": lr} for lr in (3e-4, 1e-3, 3e-3)],
    "dan": [{"lr": 1e-3, "strength": s} for s in (0.3, 1.0, 3.0)],
    "coral": [{"lr": 1e-3, "strength": s} for s in (0.01, 0.1, 1.0)],
    "dann": [{"lr": 1e-3, "strength": s} for s in (0.03, 0.1, 0.3)],
    "cdan": [{"lr": 1e-3, "strength": s} for s in (0.03, 0.1, 0.3)],
    "mcc": [{"lr": 1e-3, "strength": s} for s in (0.1, 0.3, 1.0)],
}

_STEPS = 200
_SHIFT_STEPS = 300
_BATCH_SIZE = 32


def _task_runs(tasks: tuple[str, ...], fractions: tuple[int, ...], seed: int) -> list[Settings]:
    wanted = [("supervised", method, fraction) for method in TRIALS for fraction in fractions]
    wanted += [(UNTRAINED, "fine-tuning", fraction) for fraction in fractions]
    # Kinds of pre-training are compared at the ends and in the middle.
    wanted += [
        (kind, method, fraction)
        for kind in ("generative", "contrastive")
        for method in ("linear-probe", "fine-tuning")
        for fraction in fractions[::2]
    ]
    return [
        {
            "task": task, "pretraining": pretraining, "method": method, "fraction": fraction,
            "setting": TUNED, "seed": seed,
        }
        for task in tasks
        for pretraining, method, fraction in wanted
        if (task, fraction) != _TOO_FEW
    ]  # fmt: skip


def _shift_runs(tasks: tuple[str, ...], seed: int) -> list[Settings]:
    return [
        {
            "task": task, "pretraining": "supervised", "method": method, "fraction": 0,
            "setting": setting_of(trial), "seed": seed,
        }
        for task in tasks
        for method, trials in SHIFT_TRIALS.items()
        for trial in trials
    ]  # fmt: skip


def setting_of(trial: dict[str, float]) -> str:
    """Return a trial as the table names it."""
    return ", ".join(f"{name}={value:g}" for name, value in trial.items())


GRID = [
    run
    for seed in SEEDS
    for run in (*_task_runs(tuple(TASKS), FRACTIONS, seed), *_shift_runs(tuple(SHIFTS), seed))
]
SHORT_GRID = _task_runs(SHORT[:1], FRACTIONS[::4], 0) + _shift_runs(SHORT[1:], 0)


def transferability(
    task: str, pretraining: str, method: str, fraction: int, setting: str, seed: int
) -> list[Row]:
    """Carry a backbone from the source of a task to its target by one method, and test it there.

    Every method takes 200 steps of Adam on batches of 32, in bfloat16, in each of its trials, or
    300 without labels of the target.

    With labels of the target (``fraction`` above 0), a new head is learnt; other labelled images,
    the same for every fraction, choose among three trials by accuracy, those that are equal by
    log-likelihood, and the chosen one is tested. Without (``fraction`` 0), the source's classifier
    adapts to 1,000 unlabelled images of the target.

    Args:
        task: a name in ``TASKS``, or in ``SHIFTS`` where ``fraction`` is 0.
        pretraining: what the backbone learnt on the source, one of ``KINDS``, or ``"none"``.
        method: a name in ``FINE_TUNING`` or in ``DOMAIN_ADAPTATION``.
        fraction: per cent that may be used of the target's labelled images, of which there are
            1,000, and of the Korean alphabet 320.
        setting: ``"tuned"``, or which of the ``SHIFT_TRIALS`` of the method.
        seed: of the backbone, the choice of images, the new head and the batches.

    Returns:
        Rows with the columns task, pretraining, method, fraction, setting, seed, measure and
        value. ``setting`` says which trial was chosen. Measures are ``accuracy`` on held-out images
        of the target, with labels of the target also their ``log_likelihood`` in nats per image;
        and, where the backbone was supervised, ``source_accuracy`` on held-out images of the
        source, with the source's own head (the adapted one where there is no other), and
        ``source_accuracy_before``.
    """
    settings: Row = {
        "task": task, "pretraining": pretraining, "method": method, "fraction": fraction,
        "setting": setting, "seed": seed,
    }  # fmt: skip
    if fraction == 0:
        trial = next(trial for trial in SHIFT_TRIALS[method] if setting_of(trial) == setting)
        measured = _adapted(*SHIFTS[task], method, trial, seed)
    else:
        chosen, measured = tuned(*TASKS[task], pretraining, method, fraction, seed)
        settings["setting"] = chosen
    return [settings | {"measure": name, "value": value} for name, value in measured.items()]


def tuned(
    source: str, target: str, pretraining: str, method: str, fraction: int, seed: int
) -> tuple[str, dict[str, float]]:
    """Return which trial of a method was chosen, and what it measures, as :func:`transferability`.

    Args:
        source: as :func:`task_images` names it.
        target: likewise.
        pretraining: as in :func:`transferability`, as are all that follow.
        method: of fine-tuning.
        fraction: per cent.
        seed: of everything.
    """
    labelled = labelled_target(target, seed)
    train = labelled.pool[: len(labelled.pool) * fraction // 100]
    trials = []
    for trial in TRIALS[method]:
        options = dict(trial)
        lr = options.pop("lr")
        with own_random_state(torch.device("cpu"), seed):
            classifier = Classifier(backbone_of(source, pretraining, seed), len(train.class_names))
        made = adaptation.FINE_TUNING[method](**options)
        adaptation.fine_tune(
            classifier, train, method=made, lr=lr, steps=_STEPS,
            batch_size=_BATCH_SIZE, seed=seed, precision="bf16", progress=False,
        )  # fmt: skip
        right = accuracy(classifier, labelled.validation)
        likely = log_likelihood(classifier, labelled.validation)
        trials.append(((right, likely), trial, classifier))
    _, best, classifier = max(trials, key=lambda trial: trial[0])
    test = task_images(target, "test")
    measured = {
        "accuracy": accuracy(classifier, test),
        "log_likelihood": log_likelihood(classifier, test),
    }
    if pretraining == "supervised":
        before = classifier_of(source, seed)
        held_out = task_images(source, "test")
        measured["source_accuracy_before"] = accuracy(before, held_out)
        before.backbone = classifier.backbone
        measured["source_accuracy"] = accuracy(before, held_out)
    return setting_of(best), measured


def _adapted(
    source: str, target: str, method: str, trial: dict[str, float], seed: int
) -> dict[str, float]:
    classifier = classifier_of(source, seed)
    held_out = task_images(source, "test")
    before = accuracy(classifier, held_out)
    options = dict(trial)
    lr = options.pop("lr")
    with own_random_state(torch.device("cpu"), seed):
        made = adaptation.DOMAIN_ADAPTATION[method].made_for(classifier, **options)
    adaptation.adapt(
        classifier, task_images(source, "train"), unlabelled_target(target, seed),
        method=made, lr=lr, steps=_SHIFT_STEPS, batch_size=_BATCH_SIZE, seed=seed,
        precision="bf16", progress=False,
    )  # fmt: skip
    return {
        "accuracy": accuracy(classifier, task_images(target, "test")),
        "source_accuracy_before": before,
        "source_accuracy": accuracy(classifier, held_out),
    }


def log_likelihood(classifier: Classifier, images: ImageSet) -> float:
    """Return the mean log-likelihood of labels, in nats per image.

    Args:
        classifier: whose probabilities are asked.
        images: with labels.
    """
    logits = predict(classifier, images)
    return -float(torch.nn.functional.cross_entropy(logits, labels_of(images)))


EXPERIMENTS = {
    "transferability": Experiment(transferability, GRID, after="transferability_sources"),
    "transferability_short": Experiment(
        transferability, SHORT_GRID, after="transferability_short_sources"
    ),
}
