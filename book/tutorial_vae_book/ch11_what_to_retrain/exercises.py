"""The exercises of chapter 11, What to retrain."""

from torch import Tensor

from ..checking import Exercise, random_input


def _gains(elbo: Tensor, scratch: Tensor) -> Tensor:
    return (elbo - scratch).mean(dim=(1, 2))


def _always(gains: Tensor) -> Tensor:
    return (gains > 0).all(dim=1).double().mean()


def _missed(accuracy: Tensor, votes: Tensor) -> Tensor:
    taken = accuracy.gather(0, votes.argmax(dim=0, keepdim=True))[0]
    return (accuracy.amax(dim=0) - taken).mean()


def _others(accuracy: Tensor) -> Tensor:
    return accuracy.sum(dim=1, keepdim=True) - accuracy


def _regret(accuracy: Tensor) -> Tensor:
    return _missed(accuracy, _others(accuracy))


def _elbos(plans: int, pairs: int, seeds: int, seed: int) -> tuple[Tensor, Tensor]:
    scratch = -200 + 40 * random_input(pairs, seeds, seed=seed)
    gains = random_input(plans, 1, 1, seed=seed + 1) + random_input(
        plans, pairs, seeds, seed=seed + 2
    )
    return scratch + 20 * gains, scratch


def _pairs(seed: int) -> tuple[Tensor]:
    return (0.6 + random_input(20, 1, seed=seed) + random_input(20, 3, seed=seed + 1),)


def _accuracies(plans: int, pairs: int, seed: int) -> tuple[Tensor]:
    # Plans differ little on average, so that one pair can tip the choice.
    return (0.6 + 0.1 * random_input(plans, pairs, seed=seed),)


EXERCISES: dict[str, Exercise] = {
    "retrain-1": Exercise(
        inputs=[_elbos(4, 6, 3, 0), _elbos(9, 12, 3, 10), _elbos(2, 5, 2, 20)],
        answer=_gains,
        mistakes={
            "The sign is the wrong way round: above 0 should mean better than scratch.": (
                lambda elbo, scratch: -_gains(elbo, scratch)
            ),
            "Training from scratch is left out: this is the ELBO itself.": (
                lambda elbo, scratch: elbo.mean(dim=(1, 2))
            ),
            "Average over the pairs too: one number a plan is asked for.": (
                lambda elbo, scratch: (elbo - scratch).mean(dim=2)
            ),
            "Average over the seeds too: one number a plan is asked for.": (
                lambda elbo, scratch: (elbo - scratch).mean(dim=1)
            ),
            "The plans are averaged as well; they are what is to be compared.": (
                lambda elbo, scratch: (elbo - scratch).mean()
            ),
            "This is the gain relative to the size of the ELBO, which depends on the images.": (
                lambda elbo, scratch: ((elbo - scratch) / scratch.abs()).mean(dim=(1, 2))
            ),
        },
    ),
    "retrain-2": Exercise(
        inputs=[_pairs(0), _pairs(10), _pairs(20)],
        answer=_always,
        mistakes={
            "This counts pairs whose mean over seeds is positive: one seed may carry it.": (
                lambda gains: (gains.mean(dim=1) > 0).double().mean()
            ),
            "This counts pairs in which at least one seed gains: all have to.": (
                lambda gains: (gains > 0).any(dim=1).double().mean()
            ),
            "This is the share of runs, not of pairs: the seeds of a pair belong together.": (
                lambda gains: (gains > 0).double().mean()
            ),
            "This is how many pairs, not which share of them.": (
                lambda gains: len(gains) * _always(gains)
            ),
            "These are the pairs that do not always gain.": lambda gains: 1 - _always(gains),
        },
    ),
    "retrain-3": Exercise(
        inputs=[_accuracies(5, 6, 0), _accuracies(4, 8, 10), _accuracies(8, 12, 20)],
        answer=_regret,
        mistakes={
            "The pair itself takes part in the choice: only the other pairs may.": (
                lambda accuracy: _missed(
                    accuracy, accuracy.sum(dim=1, keepdim=True).expand_as(accuracy)
                )
            ),
            "This is the accuracy of the plan that was chosen, not what it misses.": (
                lambda accuracy: accuracy.amax(dim=0).mean() - _regret(accuracy)
            ),
            "The sign is the wrong way round: regret is never below 0.": (
                lambda accuracy: -_regret(accuracy)
            ),
            "Average over the pairs; this is their sum.": (
                lambda accuracy: accuracy.shape[1] * _regret(accuracy)
            ),
            "This compares with the average plan; regret compares with the best one.": (
                lambda accuracy: accuracy.amax(dim=0).mean() - _regret(accuracy) - accuracy.mean()
            ),
            "This is the regret of a random choice.": (
                lambda accuracy: accuracy.amax(dim=0).mean() - accuracy.mean()
            ),
        },
    ),
}
