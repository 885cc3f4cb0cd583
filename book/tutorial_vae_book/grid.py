"""Grids of runs, on one machine or on a cluster, that go on where they were killed."""

import hashlib
import inspect
import json
import os
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tutorial_vae import __version__
from tutorial_vae.files import DATA_VARIABLE, data_root, write_atomically

from .table import SEEDS, Row

Settings = Mapping[str, str | int | float]

BACKENDS = ("loky", "dask", "ray")


class Run(NamedTuple):
    """One run of a grid.

    Attributes:
        settings: what it was called with.
        rows: what it measured; empty when it failed.
        error: the traceback of its failure, or None.
        seconds: how long it took.
    """

    settings: dict[str, Any]
    rows: list[Row]
    error: str | None
    seconds: float


def run_grid(
    function: Callable[..., list[Row]],
    grid: Sequence[Settings],
    *,
    folder: str | os.PathLike[str],
    backend: str = "loky",
    address: str | None = None,
    jobs: int = -1,
    progress: bool = True,
) -> list[Run]:
    """Call a function once for each of many settings, side by side, and keep what each returns.

    Each finished run is one small file in ``folder``, written whole or not at all under a name
    made of its settings. Called again, after a kill or with more settings, the grid does only what
    has no file yet, and what failed. A failed run is kept with its error and does not stop the
    others. Every worker looks for data where this process does, ``TUTORIAL_VAE_DATA``.

    Args:
        function: takes the settings as keywords and returns rows of a table.
        grid: the settings of each run, no two alike.
        folder: where the files of the runs lie. Workers on other machines must see it too.
        backend: ``"loky"`` (processes on this machine), or a running cluster, ``"dask"`` or
            ``"ray"`` (both from the extra ``[cluster]``).
        address: of the cluster's scheduler or head, for example ``"tcp://10.0.0.1:8786"``.
        jobs: runs at a time; -1 is one a core, or all of the cluster.
        progress: whether to show a bar with the time left.

    Returns:
        The runs in the order of the grid.

    Raises:
        ValueError: two settings are alike, the backend is unknown, or it has no address.
        ImportError: the backend is not installed.
        OSError: no cluster answers at the address.
        FileNotFoundError: the folder does not exist, or a worker cannot see it.
    """
    folder = Path(folder).absolute()
    if not folder.is_dir():
        raise FileNotFoundError(f"the folder {folder} does not exist")
    paths = [folder / file_name(settings) for settings in grid]
    if len(set(paths)) < len(paths):
        twice = next(s for s, path in zip(grid, paths, strict=True) if paths.count(path) > 1)
        raise ValueError(f"grid holds {dict(twice)} twice")
    todo = [
        (settings, path)
        for settings, path in zip(grid, paths, strict=True)
        if not path.exists() or _load(path).error is not None
    ]
    for _, path in todo:
        path.unlink(missing_ok=True)
    from joblib import Parallel, delayed

    with _workers(backend, address, jobs), _counted(paths, shown=progress):
        data = os.environ.get(DATA_VARIABLE)
        Parallel(batch_size=1)(delayed(_run)(function, dict(s), path, data) for s, path in todo)
    if missing := [path.name for path in paths if not path.exists()]:
        raise FileNotFoundError(
            f"a worker left no {missing[0]} in {folder}: every worker must see that folder"
        )
    _remove_half_written(folder, {path.name for path in paths})
    return [_load(path) for path in paths]


def file_name(settings: Settings) -> str:
    """Return the name of a run's file: its settings, and a digest of them that tells all apart.

    Args:
        settings: of the run.
    """
    text = ",".join(f"{name}={settings[name]}" for name in sorted(settings))
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    readable = "".join(c if c.isalnum() or c in ",=.-" else "-" for c in text)
    return f"{readable[:100]}-{digest}.json"


def _run(
    function: Callable[..., list[Row]], settings: dict[str, Any], path: Path, data: str | None
) -> None:
    # A worker may have been started, for another grid, before the variable was set.
    if data is None:
        os.environ.pop(DATA_VARIABLE, None)
    else:
        os.environ[DATA_VARIABLE] = data
    started = time.perf_counter()
    run: dict[str, Any] = {"settings": settings, "rows": [], "error": None}
    try:
        rows = function(**settings)
        json.dumps(rows)  # what cannot be written is a failure of this run, not of the grid
        run["rows"] = rows
    except Exception:
        run["error"] = traceback.format_exc()
    run["seconds"] = round(time.perf_counter() - started, 3)
    write_atomically(path, json.dumps(run).encode())


def _remove_half_written(folder: Path, names: set[str]) -> None:
    """Remove what a process that was killed while it wrote left beside files now there whole."""
    for left in folder.glob(".*.tmp"):
        if left.name[1:].rsplit(".", 2)[0] in names:
            left.unlink(missing_ok=True)


def _load(path: Path) -> Run:
    return Run(**json.loads(path.read_text(encoding="utf-8")))


@contextmanager
def _workers(backend: str, address: str | None, jobs: int) -> Iterator[None]:
    """Let joblib use the named backend."""
    if backend not in BACKENDS:
        raise ValueError(f"backend must be one of {BACKENDS}, not {backend!r}")
    if (address is None) != (backend == "loky"):
        wrong = "has no address" if backend == "loky" else "needs the address of the cluster"
        raise ValueError(f"backend {backend!r} {wrong}: address is {address!r}")
    from joblib import parallel_config

    try:
        if backend == "dask":
            from distributed import Client

            with Client(address), parallel_config("dask", n_jobs=jobs):
                yield
            return
        if backend == "ray":
            import ray
            from ray.util.joblib import register_ray

            register_ray()
            with ray.init(address=address, log_to_driver=False), parallel_config("ray"):
                yield
            return
    except ImportError as error:
        raise ImportError(
            f"backend {backend!r} needs an extra: pip install 'tutorial-vae[cluster]'"
        ) from error
    with parallel_config("loky", n_jobs=jobs), warnings.catch_warnings():
        # Workers that keep image sets between runs have grown, and are replaced. Raised as an error
        # in joblib's own thread, this warning would leave the grid waiting for ever.
        warnings.filterwarnings("ignore", "A worker stopped while some jobs were given")
        yield


@contextmanager
def _counted(paths: Sequence[Path], *, shown: bool) -> Iterator[None]:
    """Show how many of the files are there, whichever process or machine writes them."""
    from tqdm.auto import tqdm

    def count() -> int:
        return sum(path.exists() for path in paths)

    finished = threading.Event()
    present = count()
    with tqdm(total=len(paths), initial=present, unit="run", smoothing=0, disable=not shown) as bar:

        def watch() -> None:
            over = False
            while not over:
                over = finished.wait(0.5)
                bar.update(count() - bar.n)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            finished.set()
            watcher.join()


@dataclass(frozen=True)
class Experiment:
    """What a table of the book is made of.

    Attributes:
        run: the function that measures some rows; it takes the settings of a run as keywords.
        grid: the settings of all runs.
        after: name of an experiment whose models this one loads, or None.
        keep: writes what else is kept beside the table, given the folder of the table.
    """

    run: Callable[..., list[Row]]
    grid: Sequence[Settings] = tuple({"seed": seed} for seed in SEEDS)
    after: str | None = None
    keep: Callable[[Path], None] | None = None


def working_folder(name: str, run: Callable[..., list[Row]]) -> Path:
    """Return the folder that holds the runs of an experiment and the models it has trained.

    It lies in the data folder (``TUTORIAL_VAE_DATA``, else the user's cache folder), under the name
    of the experiment, the version of the package and a digest of the file that defines the
    experiment: runs of another version are not mixed in.

    Args:
        name: of the experiment.
        run: the function that measures its rows.
    """
    # The function itself: checks of shapes wrap it in one that another file defines.
    source = Path(inspect.getfile(inspect.unwrap(run))).read_bytes()
    digest = hashlib.sha256(source).hexdigest()[:8]
    return data_root() / "experiments" / f"{name}-{__version__}-{digest}"
