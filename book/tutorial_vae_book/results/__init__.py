"""Measured tables that chapters show, each beside a record of how it was made.

``NAME.csv`` holds one measured number a row, ``NAME.json`` the command, versions, hardware and
seconds that made it. ``tutorial-vae experiment NAME`` makes both again.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

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


class Summary(NamedTuple):
    """A measured number over several seeds.

    Formatted, it reads ``mean (lowest to highest)``: ``f"{summary:.2f}"``.

    Attributes:
        mean: mean over the seeds.
        lowest: smallest of the seeds' values.
        highest: largest of the seeds' values.
        seeds: how many seeds there are.
    """

    mean: float
    lowest: float
    highest: float
    seeds: int

    def __format__(self, form: str) -> str:
        return f"{self.mean:{form}} ({self.lowest:{form}} to {self.highest:{form}})"


def summarise(
    table: str,
    /,
    *,
    by: Sequence[str],
    minus: Mapping[str, str | float] | None = None,
    **where: str | float,
) -> dict[tuple[str | float, ...], Summary]:
    """Summarise a measured table over its seeds.

    Args:
        table: name of the experiment.
        by: columns that tell apart what is summarised.
        minus: columns and their values in the rows to subtract, each from the rows that agree with
            it in all other columns, the seed among them: the paired difference from a control.
        **where: columns and the value that a row must have there to count.

    Returns:
        For each combination of values in the columns ``by``, in the table's order: the ``value``
        column, averaged first over the rows of each seed and then summarised over the seeds.

    Raises:
        ValueError: there is no such table, it has no such column, no row is left, or one has no
            partner to subtract.
    """
    rows = load_table(table)
    if unknown := {"seed", "value", *by, *(minus or {}), *where} - set(rows[0]):
        raise ValueError(
            f"{table} has no column {', '.join(sorted(unknown))}: it has {', '.join(rows[0])}"
        )
    groups: dict[tuple[str | float, ...], dict[str | float, list[float]]] = {}
    values = {_identity(row): float(row["value"]) for row in rows}
    for row in rows:
        if any(row[column] != value for column, value in where.items()):
            continue
        value = values[_identity(row)]
        if minus is not None:
            partner = _identity(row | dict(minus))
            if partner not in values:
                raise ValueError(f"{table} has no row with {dict(minus)} to subtract from {row}")
            value -= values[partner]
        group = groups.setdefault(tuple(row[column] for column in by), {})
        group.setdefault(row["seed"], []).append(value)
    if not groups:
        raise ValueError(f"{table} has no row with {where}")
    seeds = {key: [mean(rows) for rows in group.values()] for key, group in groups.items()}
    return {key: Summary(mean(v), min(v), max(v), len(v)) for key, v in seeds.items()}


def _identity(row: Mapping[str, str | float]) -> tuple[str | float, ...]:
    return tuple(value for column, value in row.items() if column != "value")


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
