"""Experiments write whole tables with a record of how they were made."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tutorial_vae_book import experiments, results


def test_tables_that_are_shipped_have_a_record_of_how_they_were_made() -> None:
    names = {path.stem for path in results.FOLDER.glob("*.csv")}
    assert names == set(experiments.EXPERIMENTS)
    for name in names:
        made_by = results.load_provenance(name)
        assert made_by["command"] == f"tutorial-vae experiment {name}"
        assert made_by["seconds"] > 0
        assert made_by["processor"]
        assert set(results.load_table(name)["seed"]) == set(made_by["seeds"])


def add(monkeypatch: pytest.MonkeyPatch, folder: Path, function: Callable, **options: Any) -> None:
    """Make a toy experiment known, and let it work in a folder of the test."""
    toy = experiments.Experiment(function, **options)
    monkeypatch.setitem(experiments.EXPERIMENTS, "toy", toy)
    monkeypatch.setenv("TUTORIAL_VAE_DATA", str(folder / "data"))


def run(folder: Path, name: str = "toy") -> Path:
    return experiments.run_experiment(name, folder=folder, jobs=1, progress=False)


def test_a_table_comes_back_with_its_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(monkeypatch, tmp_path, lambda seed: [{"seed": seed, "name": "a", "value": -1.5}])
    path = run(tmp_path)
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    assert path == tmp_path / "toy.csv"
    rows = results.load_table("toy")
    assert rows.loc[1].to_dict() == {"seed": 1, "name": "a", "value": -1.5}
    assert len(rows) == 5


def test_summaries_average_within_seeds_and_spread_over_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = "seed,kind,layer,value\n0,a,x,1\n0,a,y,3\n1,a,x,4\n1,a,y,6\n0,b,x,9\n1,b,x,9\n"
    (tmp_path / "toy.csv").write_text(table, encoding="utf-8")
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    summaries = results.summarise("toy", by=["kind"])
    assert summaries["a",] == (3.5, 2, 5, 2)
    assert f"{summaries['a',]:.1f}" == "3.5 (2.0 to 5.0)"
    assert summaries["b",].lowest == summaries["b",].highest == 9
    assert results.summarise("toy", by=["kind"], layer="y") == {("a",): (4.5, 3, 6, 2)}
    differences = results.summarise("toy", by=["kind"], minus={"layer": "x"}, layer="y")
    assert differences == {("a",): (2, 2, 2, 2)}
    with pytest.raises(ValueError, match="to subtract"):
        results.summarise("toy", by=["kind"], minus={"layer": "y"})
    with pytest.raises(ValueError, match="no column colour"):
        results.summarise("toy", by=["colour"])
    with pytest.raises(ValueError, match="no row with"):
        results.summarise("toy", by=["kind"], layer="z")


def test_a_failed_run_is_named_and_the_others_make_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(seed: int) -> list[experiments.Row]:
        if seed == 2:
            raise ArithmeticError("out of luck")
        return [{"seed": seed, "value": seed}]

    add(monkeypatch, tmp_path, fail)
    with pytest.warns(experiments.FailedRunsWarning, match="1 of 5 runs of toy .* out of luck"):
        run(tmp_path)
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    assert list(results.load_table("toy")["seed"]) == [0, 1, 3, 4]
    made_by = results.load_provenance("toy")
    assert made_by["failures"] == [{"seed": 2, "error": "ArithmeticError: out of luck"}]
    assert made_by["runs"] == 5


def test_when_every_run_fails_there_is_no_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(seed: int) -> list[experiments.Row]:
        raise ArithmeticError("out of luck")

    add(monkeypatch, tmp_path, fail)
    with pytest.raises(RuntimeError, match="out of luck"):
        run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_what_comes_before_is_run_first_and_only_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def before(seed: int) -> list[experiments.Row]:
        calls.append(f"before {seed}")
        return [{"seed": seed, "value": 0}]

    def toy(seed: int) -> list[experiments.Row]:
        calls.append(f"toy {seed}")
        return [{"seed": seed, "value": 1}]

    grid = [{"seed": 0}]
    monkeypatch.setitem(
        experiments.EXPERIMENTS, "before", experiments.Experiment(before, grid=grid)
    )
    add(monkeypatch, tmp_path, toy, grid=grid, after="before")
    run(tmp_path)
    run(tmp_path)
    assert calls == ["before 0", "toy 0"]
    assert {path.name for path in tmp_path.glob("*.csv")} == {"before.csv", "toy.csv"}
    assert experiments.working_folder("toy", run).parent == tmp_path / "data" / "experiments"


def test_wrong_names_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no_such"):
        experiments.run_experiment("no_such", folder=tmp_path)
    with pytest.raises(ValueError, match="no_such"):
        results.load_table("no_such")
    with pytest.raises(ValueError, match="no_such"):
        results.load_provenance("no_such")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        experiments.run_experiment("quick_tour", folder=tmp_path / "nowhere")


def test_a_working_folder_is_the_same_where_shapes_are_checked() -> None:
    # Tests check shapes, the processes that do the runs do not.
    name = "transferability_sources"
    here = experiments.working_folder(name, experiments.EXPERIMENTS[name].run)
    code = (
        "from tutorial_vae_book.experiments import EXPERIMENTS, working_folder; "
        f"print(working_folder({name!r}, EXPERIMENTS[{name!r}].run))"
    )
    there = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    ).stdout.strip()
    assert str(here) == there
