"""Measured tables that chapters show, each beside a record of how it was made.

``NAME.csv`` holds one measured number a row, ``NAME.json`` the command, versions, hardware and
seconds that made it. ``tutorial-vae experiment NAME`` makes both again.
"""

import csv
import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def load_table(name: str) -> list[dict[str, str | float]]:
    """Return a measured table, one dictionary a row, with numbers as floats.

    Args:
        name: name of the experiment, for example ``"quick_tour"``.

    Raises:
        ValueError: there is no such table.
    """
    with _path(name, "csv").open(newline="", encoding="utf-8") as file:
        return [{key: _number(value) for key, value in row.items()} for row in csv.DictReader(file)]


def load_provenance(name: str) -> dict[str, Any]:
    """Return how a table was made: command, versions, hardware and seconds.

    Args:
        name: name of the experiment.

    Raises:
        ValueError: there is no such table.
    """
    return json.loads(_path(name, "json").read_text(encoding="utf-8"))


def _path(name: str, suffix: str) -> Path:
    path = FOLDER / f"{name}.{suffix}"
    if not path.is_file():
        names = ", ".join(sorted(p.stem for p in FOLDER.glob("*.csv")))
        raise ValueError(f"name must be one of {names}, not {name!r}")
    return path


def _number(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text
