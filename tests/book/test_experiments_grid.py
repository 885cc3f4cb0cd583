"""Grids: each run once, on processes and on real local clusters, whatever happens in between."""

import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tutorial_vae_book.grid import file_name, run_grid
from tutorial_vae_book.table import Row

GRID = [{"base": base, "power": power} for base in (2, 3, 10) for power in (0, 2)]
ANSWERS = [1, 4, 1, 9, 1, 100]


def by_value() -> Callable[..., list[Row]]:
    """A function that travels to workers which cannot import this file."""

    def power(base: int, power: int) -> list[Row]:
        return [{"base": base, "power": power, "value": base**power}]

    return power


def values(runs: list) -> list:
    return [row["value"] for run in runs for row in run.rows]


@pytest.mark.parametrize("jobs", [1, 2])
def test_runs_come_back_in_the_order_of_the_grid(tmp_path: Path, jobs: int) -> None:
    runs = run_grid(by_value(), GRID, folder=tmp_path, jobs=jobs, progress=False)
    assert values(runs) == ANSWERS
    assert [run.settings for run in runs] == GRID
    assert all(run.error is None and run.seconds >= 0 for run in runs)
    assert len(list(tmp_path.iterdir())) == len(GRID)


def test_no_run_is_done_twice_and_more_settings_may_follow(tmp_path: Path) -> None:
    calls = []

    def counted(x: int) -> list[Row]:
        calls.append(x)
        return [{"value": x}]

    for upto in (2, 4, 4):
        grid = [{"x": x} for x in range(upto)]
        runs = run_grid(counted, grid, folder=tmp_path, jobs=1, progress=False)
        assert values(runs) == list(range(upto))
    assert calls == [0, 1, 2, 3]


def test_a_failure_is_kept_and_tried_again_and_stops_nothing(tmp_path: Path) -> None:
    broken = True

    def sometimes(x: int) -> list[Row]:
        if broken and x == 1:
            raise ZeroDivisionError("out of luck")
        return [{"value": x}]

    def run() -> list:
        grid = [{"x": x} for x in range(3)]
        return run_grid(sometimes, grid, folder=tmp_path, jobs=1, progress=False)

    runs = run()
    assert values(runs) == [0, 2]
    assert "ZeroDivisionError: out of luck" in runs[1].error
    broken = False
    assert values(run()) == [0, 1, 2]


def test_files_of_others_stay(tmp_path: Path) -> None:
    other = tmp_path / ".somebody else's.1.tmp"
    other.write_bytes(b"")
    run_grid(by_value(), GRID[:1], folder=tmp_path, jobs=1, progress=False)
    assert other.exists()


def test_rows_that_cannot_be_written_are_a_failure_of_their_run(tmp_path: Path) -> None:
    def rows(x: int) -> list:
        return [{"value": object() if x else 1}]

    runs = run_grid(rows, [{"x": 0}, {"x": 1}], folder=tmp_path, jobs=1, progress=False)
    assert values(runs) == [1]
    assert "TypeError" in runs[1].error


SLOW_GRID = """
import sys, time
from pathlib import Path
from tutorial_vae_book.experiments import run_grid

folder = Path(sys.argv[1])

def slow(x):
    with (folder / "log").open("a") as log:
        print("start", x, file=log, flush=True)
        time.sleep(0.4)
        print("end", x, file=log, flush=True)
    return [{"value": x}]

(folder / "runs").mkdir(exist_ok=True)
runs = run_grid(slow, [{"x": x} for x in range(8)], folder=folder / "runs", jobs=1, progress=False)
print(*(row["value"] for run in runs for row in run.rows))
"""


@pytest.mark.slow
def test_a_killed_grid_goes_on_where_it_was(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SLOW_GRID, str(tmp_path)]
    log = tmp_path / "log"
    with subprocess.Popen(command) as process:
        while not (log.exists() and log.read_text(encoding="utf-8").count("end") >= 3):
            time.sleep(0.02)
            assert process.poll() is None
        os.kill(process.pid, signal.SIGKILL)
    kept = {path.name for path in (tmp_path / "runs").glob("*.json")}
    assert 2 <= len(kept) <= 4
    # A kill between a file's first byte and its last leaves the part under its temporary name.
    (tmp_path / "runs" / f".{file_name({'x': 7})}.1.tmp").write_bytes(b'{"settings"')
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    assert finished.stdout.split() == [str(x) for x in range(8)]
    lines = log.read_text(encoding="utf-8").splitlines()
    for x in range(8):
        # Only the run that the kill cut short is begun twice, and at most one ends unrecorded.
        assert lines.count(f"start {x}") == 1 or file_name({"x": x}) not in kept
    assert len([line for line in lines if line.startswith("start")]) <= 9
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {
        file_name({"x": x}) for x in range(8)
    }


@pytest.fixture
def dask_address() -> Iterator[str]:
    distributed = pytest.importorskip("distributed", reason="the extra [cluster] is missing")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def ray_address() -> Iterator[str]:
    pytest.importorskip("ray", reason="the extra [cluster] is missing")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
    yield cluster.address
    cluster.shutdown()


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["dask", "ray"])
def test_a_cluster_gives_the_same_and_goes_on_as_well(
    backend: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs: sockets left open, deprecations
        address = request.getfixturevalue(f"{backend}_address")
        for grid in (GRID[:2], GRID):
            runs = run_grid(
                by_value(),
                grid,
                folder=tmp_path,
                backend=backend,
                address=address,
                progress=False,
            )
            assert values(runs) == ANSWERS[: len(grid)]


_GROWING_GRID = """
import sys, time
from tutorial_vae_book.experiments import run_grid

def grows(seed):
    import builtins, time
    builtins.kept = [*getattr(builtins, "kept", ()), b"1" * 400_000_000]
    time.sleep(1.2)  # workers are weighed once a second
    return [{"seed": seed}]

runs = run_grid(grows, [{"seed": s} for s in range(5)], folder=sys.argv[1], jobs=2, progress=False)
print(sum(len(run.rows) for run in runs))
"""


@pytest.mark.slow
def test_workers_that_grew_are_replaced_where_warnings_are_errors(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", _GROWING_GRID, str(tmp_path)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ran.stdout == "5\n", ran.stderr


@pytest.mark.parametrize("jobs", [1, 2])
def test_workers_look_for_data_where_the_caller_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    def looks(seed: int) -> list[Row]:
        time.sleep(0.2)  # so that both workers have something to do
        return [{"value": os.environ.get("TUTORIAL_VAE_DATA", "")}]

    grid = [{"seed": seed} for seed in range(4)]
    # The workers of one grid serve the next.
    for name in ("one", "other", ""):
        if name:
            monkeypatch.setenv("TUTORIAL_VAE_DATA", name)
        else:
            monkeypatch.delenv("TUTORIAL_VAE_DATA")
        folder = tmp_path / f"runs {name}"
        folder.mkdir()
        runs = run_grid(looks, grid, folder=folder, jobs=jobs, progress=False)
        assert values(runs) == [name] * 4


def test_file_names_tell_settings_apart_and_stay_within_one_folder() -> None:
    names = {
        file_name(settings)
        for settings in (
            {"a": 1, "b": 2},
            {"a": 1, "b": "../2"},
            {"a": 1, "b": ".. 2"},
            {"a": "x" * 300},
            {"a": "x" * 301},
        )
    }
    assert len(names) == 5
    assert all("/" not in name and len(name) < 120 for name in names)
    assert file_name({"a": 1, "b": 2}) == file_name({"b": 2, "a": 1})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backend": "threads"}, "threads"),
        ({"backend": "dask"}, "address"),
        ({"address": "tcp://nowhere:1"}, "tcp://nowhere:1"),
    ],
)
def test_a_cluster_that_cannot_be_is_named(
    options: dict[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        run_grid(by_value(), GRID, folder=tmp_path, progress=False, **options)
    assert list(tmp_path.iterdir()) == []


def test_settings_given_twice_and_missing_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'base': 2"):
        run_grid(by_value(), [*GRID, GRID[0]], folder=tmp_path, progress=False)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        run_grid(by_value(), GRID, folder=tmp_path / "nowhere", progress=False)


def test_the_bar_ends_full_and_says_the_time_left(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    run_grid(by_value(), GRID, folder=tmp_path, jobs=1)
    assert "6/6" in capsys.readouterr().err
