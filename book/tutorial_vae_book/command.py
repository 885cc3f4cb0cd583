"""The verb ``experiment``: measures the book's tables again."""

import argparse
import json
from pathlib import Path

from tutorial_vae.cli.options import add_verb


def add(verbs: argparse._SubParsersAction) -> None:
    """Add the verb."""
    verb = add_verb(
        verbs,
        "experiment",
        "measure tables of the book again, going on where a killed run was",
        "tutorial-vae experiment quick_tour --folder .",
    )
    verb.add_argument(
        "name", metavar="NAME", nargs="?", help="of a table, or all; without it, list them"
    )
    verb.add_argument(
        "--folder", type=Path, metavar="FOLDER", help="where to write; the package's own results"
    )
    verb.add_argument(
        "--jobs", type=int, default=-1, metavar="N", help="runs at a time (all cores)"
    )
    verb.add_argument("--backend", default="loky", help="loky (the default), dask or ray")
    verb.add_argument("--address", metavar="URL", help="of the Dask scheduler or the Ray head")
    verb.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from .experiments import EXPERIMENTS, run_experiment
    from .results import FOLDER, load_provenance

    if options.name is None or options.name == "all":
        width = max(map(len, EXPERIMENTS))
        for name, experiment in EXPERIMENTS.items():
            runs = f"{name:<{width}} {len(experiment.grid):>4} runs"
            if not (FOLDER / f"{name}.json").is_file():
                print(f"{runs}, not measured yet")
                continue
            made_by = load_provenance(name)
            minutes = made_by["seconds"] / 60
            print(
                f"{runs} {minutes:6.1f} min of one core, "
                f"measured on {made_by['gpu'] or made_by['processor']}"
            )
        if options.name is None:
            return 0
    failures = 0
    for name in EXPERIMENTS if options.name == "all" else (options.name,):
        path = run_experiment(
            name,
            folder=options.folder or FOLDER,
            jobs=options.jobs,
            backend=options.backend,
            address=options.address,
        )
        print(f"written: {path}")
        failures += len(json.loads(path.with_suffix(".json").read_text())["failures"])
    return int(failures > 0)
