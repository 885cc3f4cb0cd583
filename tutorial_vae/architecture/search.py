"""Searching for the best of many configurations, each of which takes time to score.

A configuration is one number for each position: the blocks of a path, the origins of its weights,
or both in a row.
"""

import itertools
import json
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import check_count
from ..files import write_atomically

Configuration = tuple[int, ...]
"""A point of the space that is searched: one number for each position."""

_FILE_FORMAT = "tutorial_vae search 1"

_Propose = Callable[[dict[Configuration, float], np.random.Generator], Configuration]


@dataclass(frozen=True)
class SearchResult:
    """What a search scored, in order.

    Attributes:
        configurations: every configuration, none twice.
        scores: the score of each.
        seconds: time spent searching up to each score, without time between a stop and a
            resumption.
    """

    configurations: tuple[Configuration, ...]
    scores: tuple[float, ...]
    seconds: tuple[float, ...]

    @property
    def best(self) -> Configuration:
        """The configuration of the highest score, the earliest of equal ones."""
        return self.configurations[int(np.argmax(self.scores))]

    @property
    def best_so_far(self) -> tuple[float, ...]:
        """The highest score up to each configuration."""
        return tuple(itertools.accumulate(self.scores, max))


def evolutionary_search(
    score: Callable[[Configuration], float],
    space: Sequence[int],
    *,
    budget: int = 100,
    seconds: float | None = None,
    population: int = 4,
    seed: int = 0,
    checkpoint: str | os.PathLike[str] | None = None,
    start: Sequence[Configuration] = (),
) -> SearchResult:
    """Search among the neighbours of the best configurations so far.

    After ``population`` configurations, which are those of ``start`` and then random ones, each new
    one is a child of two of the ``population`` best so far, drawn at random: every position is one
    of theirs, and then one position is drawn anew, or more if the child is not new.

    Args:
        score: gives a configuration's score, of which more is better; a finite number.
        space: how many choices each position has.
        budget: how many configurations to score in all, those before a resumption and of
            ``start`` included; never more than there are.
        seconds: when this time has been spent scoring, no other configuration is begun.
        population: size of the population. A small one finds the best of few configurations
            sooner, a large one is less easily caught on a hill that is not the highest.
        seed: source of the random numbers.
        checkpoint: file that holds what was scored, replaced in one step after each
            configuration. When it exists, the search goes on from it to the result of a search that
            was never stopped, apart from its seconds. It cannot know ``score``: name another for
            each.
        start: configurations to score first, for example the best ones of a related search.

    Raises:
        ValueError: an argument is outside what is said above, a score is not finite, or
            ``checkpoint`` belongs to another search.
        FileNotFoundError: the folder of ``checkpoint`` does not exist.

    Reference: after Guo et al. 2020, section 3.4, where children come in generations.
    """
    check_count("population", population)

    def propose(
        scores: dict[Configuration, float], generator: np.random.Generator
    ) -> Configuration:
        if len(scores) < population:
            return _random_configuration(space, scores, generator)
        parents = sorted(scores, key=scores.__getitem__, reverse=True)[:population]
        for changes in range(1, len(space) + 1):
            pair = [parents[number] for number in generator.integers(len(parents), size=2)]
            sides = generator.integers(2, size=len(space))
            child = [pair[side][position] for position, side in enumerate(sides)]
            for position in generator.permutation(len(space))[:changes]:
                child[position] = int(generator.integers(space[position]))
            if tuple(child) not in scores:
                return tuple(child)
        return _random_configuration(space, scores, generator)

    return _search(
        f"evolutionary, population {population}",
        propose,
        score,
        space,
        budget=budget,
        seconds=seconds,
        seed=seed,
        checkpoint=checkpoint,
        start=start,
    )


def random_search(
    score: Callable[[Configuration], float],
    space: Sequence[int],
    *,
    budget: int = 100,
    seconds: float | None = None,
    seed: int = 0,
    checkpoint: str | os.PathLike[str] | None = None,
    start: Sequence[Configuration] = (),
) -> SearchResult:
    """Score random configurations, all that were not scored yet being equally likely.

    Args:
        score: as in :func:`evolutionary_search`, as are all that follow.
        space: how many choices each position has.
        budget: how many configurations to score in all.
        seconds: when no other configuration is begun.
        seed: source of the configurations.
        checkpoint: file that a search that was stopped goes on from.
        start: configurations to score first.

    Raises:
        ValueError: as in :func:`evolutionary_search`.
        FileNotFoundError: the folder of ``checkpoint`` does not exist.
    """
    return _search(
        "random",
        lambda scores, generator: _random_configuration(space, scores, generator),
        score,
        space,
        budget=budget,
        seconds=seconds,
        seed=seed,
        checkpoint=checkpoint,
        start=start,
    )


def exhaustive_search(
    score: Callable[[Configuration], float],
    space: Sequence[int],
    *,
    budget: int | None = None,
    seconds: float | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    start: Sequence[Configuration] = (),
) -> SearchResult:
    """Score every configuration, the last position changing fastest. Nothing is left to chance.

    Args:
        score: as in :func:`evolutionary_search`, as are all that follow.
        space: how many choices each position has.
        budget: how many configurations to score in all; every one when it is not given.
        seconds: when no other configuration is begun.
        checkpoint: file that a search that was stopped goes on from.
        start: configurations to score first.

    Raises:
        ValueError: as in :func:`evolutionary_search`.
        FileNotFoundError: the folder of ``checkpoint`` does not exist.
    """
    configurations = itertools.product(*map(range, space))
    return _search(
        "exhaustive",
        lambda scores, _: next(each for each in configurations if each not in scores),
        score,
        space,
        budget=math.prod(space) if budget is None else budget,
        seconds=seconds,
        seed=0,
        checkpoint=checkpoint,
        start=start,
    )


def _random_configuration(
    space: Sequence[int], scores: dict[Configuration, float], generator: np.random.Generator
) -> Configuration:
    while True:  # until one is new; the search ends before there is none
        configuration = tuple(generator.integers(space).tolist())
        if configuration not in scores:
            return configuration


def _search(
    method: str,
    propose: _Propose,
    score: Callable[[Configuration], float],
    space: Sequence[int],
    *,
    budget: int,
    seconds: float | None,
    seed: int,
    checkpoint: str | os.PathLike[str] | None,
    start: Sequence[Configuration],
) -> SearchResult:
    _check(space, budget, seconds, seed, start)
    first = list(dict.fromkeys(tuple(map(int, configuration)) for configuration in start))
    settings = {
        "method": method,
        "space": list(space),
        "seed": seed,
        "start": [list(configuration) for configuration in first],
    }
    path = None if checkpoint is None else Path(checkpoint)
    if path is not None and not path.parent.is_dir():
        raise FileNotFoundError(
            f"cannot write checkpoint {path}: the folder {path.parent} does not exist"
        )
    stored = [] if path is None or not path.exists() else _restored(path, settings)

    generator = np.random.default_rng(seed)
    scores: dict[Configuration, float] = {}
    times: list[float] = []
    for done in range(min(budget, math.prod(space))):
        spent = times[-1] if times else 0.0
        if seconds is not None and spent >= seconds:
            break
        began = time.perf_counter()
        # What was scored before a stop is proposed again: the generator then goes on from the state
        # that it had, and nothing but the scores needs keeping.
        configuration = first[done] if done < len(first) else propose(scores, generator)
        if done < len(stored):
            known, value, at = stored[done]
            if tuple(known) != configuration:
                raise ValueError(
                    f"checkpoint {path} holds {known} where this search scores "
                    f"{list(configuration)}: it was changed or written by another version. Remove "
                    "it to start anew"
                )
            scores[configuration] = value
            times.append(at)
            continue
        value = float(score(configuration))
        if not math.isfinite(value):
            raise ValueError(
                f"score must give finite numbers, but gave {value} for {configuration}"
            )
        scores[configuration] = value
        times.append(spent + time.perf_counter() - began)
        if path is not None:
            evaluations = list(zip(scores, scores.values(), times, strict=True))
            content = {"format": _FILE_FORMAT, "settings": settings, "evaluations": evaluations}
            write_atomically(path, json.dumps(content).encode())
    return SearchResult(tuple(scores), tuple(scores.values()), tuple(times))


def _check(
    space: Sequence[int],
    budget: int,
    seconds: float | None,
    seed: int,
    start: Sequence[Configuration],
) -> None:
    if not space:
        raise ValueError("space must give the number of choices of at least one position")
    for count in space:
        check_count("each position of space", count)
    check_count("budget", budget)
    if seconds is not None and not seconds > 0:
        raise ValueError(f"seconds must be a positive number, not {seconds!r}")
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed must be a whole number of at least 0, not {seed!r}")
    for configuration in start:
        if len(configuration) != len(space) or any(
            number not in range(count) for number, count in zip(configuration, space, strict=True)
        ):
            raise ValueError(
                f"start must hold configurations out of {tuple(space)}, numbers from 0 for each "
                f"position, not {configuration!r}"
            )


def _restored(path: Path, settings: dict[str, Any]) -> list[list[Any]]:
    """Return what a checkpoint of the same search holds: configurations, scores and times."""
    try:
        content = json.loads(path.read_bytes())
        evaluations = [[list(c), float(s), float(t)] for c, s, t in content["evaluations"]]
        known, stored = content["format"], content["settings"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"checkpoint {path} does not hold a search ({error}): name another file, or remove "
            "this one to start anew"
        ) from None
    if known != _FILE_FORMAT:
        raise ValueError(f"checkpoint {path} has the format {known!r}, not {_FILE_FORMAT!r}")
    for name, here in settings.items():
        if stored.get(name) != here:
            raise ValueError(
                f"checkpoint {path} belongs to another search: its {name} is "
                f"{stored.get(name)!r}, not {here!r}. Name another checkpoint, or remove this one "
                "to start anew"
            )
    return evaluations
