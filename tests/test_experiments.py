"""Experiments write whole tables with a record of how they were made."""

from pathlib import Path

import pytest

from tutorial_vae import experiments, results


def test_tables_that_are_shipped_have_a_record_of_how_they_were_made() -> None:
    names = {path.stem for path in results.FOLDER.glob("*.csv")}
    assert names == set(experiments.EXPERIMENTS)
    for name in names:
        made_by = results.load_provenance(name)
        assert made_by["command"] == f"tutorial-vae experiment {name}"
        assert made_by["seconds"] > 0
        assert made_by["processor"]
        assert {row["seed"] for row in results.load_table(name)} == set(made_by["seeds"])


def test_a_table_comes_back_with_its_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        experiments.EXPERIMENTS, "toy", lambda seed: [{"seed": seed, "name": "a", "value": -1.5}]
    )
    path = experiments.run_experiment("toy", folder=tmp_path)
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    assert path == tmp_path / "toy.csv"
    rows = results.load_table("toy")
    assert rows[1] == {"seed": 1.0, "name": "a", "value": -1.5}
    assert len(rows) == len(experiments.SEEDS)


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


def test_a_failed_experiment_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(seed: int) -> list[experiments.Row]:
        if seed == 2:
            raise RuntimeError("out of luck")
        return [{"seed": seed}]

    monkeypatch.setitem(experiments.EXPERIMENTS, "toy", fail)
    with pytest.raises(RuntimeError, match="out of luck"):
        experiments.run_experiment("toy", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_wrong_names_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no_such"):
        experiments.run_experiment("no_such", folder=tmp_path)
    with pytest.raises(ValueError, match="no_such"):
        results.load_table("no_such")
    with pytest.raises(ValueError, match="no_such"):
        results.load_provenance("no_such")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        experiments.run_experiment("quick_tour", folder=tmp_path / "nowhere")
