"""Searches on functions of known optimum, equal budgets, and what a kill changes."""

import dataclasses
import itertools
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import mean

import pytest

from tutorial_vae.architecture import (
    SearchResult,
    evolutionary_search,
    exhaustive_search,
    random_search,
)

SEARCHES = {
    "evolutionary": evolutionary_search,
    "random": random_search,
    "exhaustive": exhaustive_search,
}


def ones(choice: tuple[int, ...]) -> float:
    """One-max: how many positions are 1."""
    return float(choice.count(1))


def uneven(choice: tuple[int, ...]) -> float:
    """A function without ties, whose optimum over three numbers of three is (2, 0, 1)."""
    wanted = (2, 0, 1)
    return -sum(3.1**i * (a - b) ** 2 for i, (a, b) in enumerate(zip(choice, wanted, strict=True)))


def without_seconds(result: SearchResult) -> SearchResult:
    return dataclasses.replace(result, seconds=())


# What is found


def test_enumeration_scores_all_27_and_finds_the_optimum() -> None:
    result = exhaustive_search(uneven, (3, 3, 3))
    assert result.configurations == tuple(itertools.product(range(3), repeat=3))
    assert result.scores == tuple(map(uneven, result.configurations))
    assert result.best == (2, 0, 1)
    assert exhaustive_search(ones, (2,) * 8).best == (1,) * 8


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_with_budget_for_everything_scores_each_choice_once(name: str) -> None:
    calls: list[tuple[int, ...]] = []

    def score(choice: tuple[int, ...]) -> float:
        calls.append(choice)
        return uneven(choice)

    result = SEARCHES[name](score, (3, 3, 3), budget=1000)
    assert len(calls) == len(set(calls)) == 27
    assert result.configurations == tuple(calls)
    assert result.best == (2, 0, 1)


def test_evolution_beats_random_search_at_equal_budget() -> None:
    space, seeds = (2,) * 24, range(10)
    best = {
        name: [max(SEARCHES[name](ones, space, budget=120, seed=seed).scores) for seed in seeds]
        for name in ("evolutionary", "random")
    }
    assert all(e > r for e, r in zip(best["evolutionary"], best["random"], strict=True))
    assert mean(best["evolutionary"]) > mean(best["random"]) + 3


def test_evolution_finds_the_best_of_27_with_fewer_choices_than_random_search() -> None:
    needed = {}
    for name in ("evolutionary", "random"):
        results = [SEARCHES[name](uneven, (3, 3, 3), seed=seed) for seed in range(40)]
        needed[name] = mean(result.configurations.index((2, 0, 1)) for result in results)
    assert 11 < needed["random"] < 15  # expected: 13
    assert needed["evolutionary"] < needed["random"] - 2


def test_positions_may_have_different_numbers_of_choices() -> None:
    space = (3, 1, 4)
    for search in SEARCHES.values():
        found = search(lambda choice: float(sum(choice)), space, budget=12)
        assert set(found.configurations) == set(itertools.product(range(3), range(1), range(4)))
        assert found.best == (2, 0, 3)


def test_random_search_draws_all_choices_alike() -> None:
    firsts = [random_search(ones, (2, 2), budget=1, seed=seed).best for seed in range(400)]
    assert all(70 < firsts.count(choice) < 130 for choice in itertools.product((0, 1), repeat=2))


# Results


def test_results_know_the_best_and_when_it_was_found() -> None:
    result = SearchResult(((0,), (2,), (1,), (3,)), (0.5, 0.7, 0.2, 0.7), (1.0, 2.0, 3.0, 4.0))
    assert result.best == (2,)
    assert result.best_so_far == (0.5, 0.7, 0.7, 0.7)


@pytest.mark.parametrize("name", SEARCHES)
def test_the_same_seed_gives_the_same_search(name: str) -> None:
    one, two = (without_seconds(SEARCHES[name](uneven, (3,) * 3, budget=15)) for _ in range(2))
    assert one == two
    if name != "exhaustive":
        other = SEARCHES[name](uneven, (3,) * 3, budget=15, seed=1)
        assert other.configurations != one.configurations


@pytest.mark.parametrize("name", SEARCHES)
def test_a_larger_budget_goes_on_from_a_smaller_one(name: str) -> None:
    small, large = (SEARCHES[name](uneven, (3, 3, 3), budget=budget) for budget in (10, 20))
    assert large.configurations[:10] == small.configurations


@pytest.mark.parametrize("name", SEARCHES)
def test_what_to_start_from_comes_first_and_counts(name: str) -> None:
    start = [(2, 0, 0), (1, 1, 1), (2, 0, 0)]
    result = SEARCHES[name](uneven, (3, 3, 3), budget=27, start=start)
    assert result.configurations[:2] == ((2, 0, 0), (1, 1, 1))
    assert len(set(result.configurations)) == len(result.configurations) == 27
    assert SEARCHES[name](uneven, (3, 3, 3), budget=1, start=start).configurations == ((2, 0, 0),)


@pytest.mark.parametrize("name", SEARCHES)
def test_no_choice_is_begun_after_the_time_is_up(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: clock[0])

    def score(choice: tuple[int, ...]) -> float:
        clock[0] += 2.0
        return ones(choice)

    result = SEARCHES[name](score, (3, 3, 3), budget=27, seconds=5.0)
    assert result.seconds == (2.0, 4.0, 6.0)


# Resumption


@pytest.mark.parametrize("name", SEARCHES)
def test_a_stopped_search_goes_on_to_the_same_result(name: str, tmp_path: Path) -> None:
    options = {"start": [(1, 1, 1)], "checkpoint": tmp_path / "search.json"}
    whole = SEARCHES[name](uneven, (3, 3, 3), budget=22, start=[(1, 1, 1)])
    SEARCHES[name](uneven, (3, 3, 3), budget=9, **options)
    calls: list[tuple[int, ...]] = []

    def score(choice: tuple[int, ...]) -> float:
        calls.append(choice)
        return uneven(choice)

    result = SEARCHES[name](score, (3, 3, 3), budget=22, **options)
    assert without_seconds(result) == without_seconds(whole)
    assert tuple(calls) == whole.configurations[9:]
    assert list(result.seconds) == sorted(result.seconds)
    # A smaller budget gives the beginning, and scores nothing.
    assert (
        SEARCHES[name](score, (3, 3, 3), budget=9, **options).configurations
        == whole.configurations[:9]
    )
    assert len(calls) == 13


KILLED = """
import os, signal, sys
from tutorial_vae.architecture import evolutionary_search

calls = 0

def score(choice):
    global calls
    calls += 1
    if calls == 6:
        os.kill(os.getpid(), signal.SIGKILL)
    return sum((number * weight) % 1.7 for number, weight in zip(choice, (0.31, 0.77, 1.3, 0.5)))

evolutionary_search(score, (3,) * 4, budget=20, population=4, checkpoint=sys.argv[1])
"""


@pytest.mark.slow
def test_a_search_killed_again_and_again_comes_to_the_same_result(tmp_path: Path) -> None:
    def search(**options: Path) -> SearchResult:
        return evolutionary_search(
            lambda choice: sum(
                (number * weight) % 1.7
                for number, weight in zip(choice, (0.31, 0.77, 1.3, 0.5), strict=True)
            ),
            (3,) * 4,
            budget=20,
            population=4,
            **options,
        )

    checkpoint = tmp_path / "search.json"
    command = [sys.executable, "-c", KILLED, str(checkpoint)]
    for kills in (1, 2):
        process = subprocess.run(command, check=False)
        assert process.returncode == -signal.SIGKILL
        assert len(json.loads(checkpoint.read_bytes())["evaluations"]) == 5 * kills
    assert without_seconds(search(checkpoint=checkpoint)) == without_seconds(search())
    assert list(tmp_path.iterdir()) == [checkpoint]


def test_an_error_of_the_score_loses_only_that_choice(tmp_path: Path) -> None:
    checkpoint = tmp_path / "search.json"

    def failing(choice: tuple[int, ...]) -> float:
        if choice == (1, 0, 0):
            raise KeyboardInterrupt
        return uneven(choice)

    with pytest.raises(KeyboardInterrupt):
        exhaustive_search(failing, (3, 3, 3), checkpoint=checkpoint)
    assert len(json.loads(checkpoint.read_bytes())["evaluations"]) == 9
    assert exhaustive_search(uneven, (3, 3, 3), checkpoint=checkpoint).best == (2, 0, 1)


@pytest.mark.parametrize(
    ("setting", "search"),
    [
        ("method", lambda **o: random_search(ones, (3, 3), budget=3, **o)),
        ("method", lambda **o: evolutionary_search(ones, (3, 3), population=5, budget=3, **o)),
        ("space", lambda **o: evolutionary_search(ones, (3, 4), budget=3, **o)),
        ("seed", lambda **o: evolutionary_search(ones, (3, 3), seed=1, budget=3, **o)),
        ("start", lambda **o: evolutionary_search(ones, (3, 3), start=[(0, 1)], budget=3, **o)),
    ],
)
def test_a_checkpoint_belongs_to_one_search(
    setting: str, search: Callable[..., SearchResult], tmp_path: Path
) -> None:
    checkpoint = tmp_path / "search.json"
    evolutionary_search(ones, (3, 3), budget=3, checkpoint=checkpoint)
    kept = checkpoint.read_bytes()
    with pytest.raises(ValueError, match=rf"belongs to another search: its {setting} is"):
        search(checkpoint=checkpoint)
    assert checkpoint.read_bytes() == kept


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}', '{"evaluations": [[1]]}'])
def test_files_that_are_no_checkpoints_are_refused_and_kept(content: str, tmp_path: Path) -> None:
    checkpoint = tmp_path / "search.json"
    checkpoint.write_text(content)
    with pytest.raises(ValueError, match=r"search\.json does not hold a search"):
        random_search(ones, (3, 3), checkpoint=checkpoint)
    assert checkpoint.read_text() == content


def test_a_checkpoint_of_other_choices_is_refused(tmp_path: Path) -> None:
    checkpoint = tmp_path / "search.json"
    exhaustive_search(ones, (3, 3), budget=3, checkpoint=checkpoint)
    checkpoint.write_text(checkpoint.read_text().replace("[0, 1]", "[2, 1]"))
    with pytest.raises(ValueError, match=r"holds \[2, 1\] where this search scores \[0, 1\]"):
        exhaustive_search(ones, (3, 3), checkpoint=checkpoint)
    checkpoint.write_text(checkpoint.read_text().replace("search 1", "search 2"))
    with pytest.raises(ValueError, match="has the format 'tutorial_vae search 2'"):
        exhaustive_search(ones, (3, 3), checkpoint=checkpoint)
    with pytest.raises(FileNotFoundError, match=r"folder .*nowhere does not exist"):
        exhaustive_search(ones, (3, 3), checkpoint=tmp_path / "nowhere" / "search.json")


# Refusals


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"space": ()}, "space must give"),
        ({"space": (3, 0)}, "each position of space must be"),
        ({"budget": 0}, "budget must be a whole number"),
        ({"seconds": 0.0}, "seconds must be a positive number"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"population": 0}, "population must be a whole number"),
        ({"start": [(0, 3)]}, r"start must hold configurations out of \(3, 3\).* not \(0, 3\)"),
        ({"start": [(0,)]}, "start must hold configurations"),
    ],
)
def test_arguments_are_checked(options: dict[str, object], words: str) -> None:
    arguments = {"space": (3, 3)} | options
    with pytest.raises(ValueError, match=words):
        evolutionary_search(ones, **arguments)


def test_scores_must_be_finite() -> None:
    with pytest.raises(ValueError, match=r"gave nan for \(0, 0\)"):
        exhaustive_search(lambda _: float("nan"), (3, 3))
