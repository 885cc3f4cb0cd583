"""What holds for every chapter. That the outputs are those of the code is nbval's to test."""

import csv
import json
import math
import re
import sys
import types
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml
from IPython.core.inputtransformer2 import TransformerManager

import tutorial_vae as tv
import tutorial_vae_book as book
from tutorial_vae.transfer.card_explorer import CardExplorer

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
SOLUTIONS = sorted((ROOT / "notebooks" / "solutions").glob("*.ipynb"))
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
CARD_ROWS = ("You will be able to", "You need first", "Minutes", "Symbols")
LONGEST_RUN = 120  # seconds, on two cores
LARGEST_RUN = 1.5  # GB
LARGEST_STATE = 300_000  # bytes of explorers a page
WORDS_A_MINUTE = 200
EXPLORERS = [
    tv.LayerExplorer,
    CardExplorer,
    *(getattr(book, name) for name in dir(book) if name.endswith("Explorer")),
]


def _read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def _code(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in _code(notebook) for output in cell.outputs]


chapters = pytest.mark.parametrize("path", CHAPTERS, ids=[p.stem for p in CHAPTERS])
notebooks = pytest.mark.parametrize(
    "path", CHAPTERS + SOLUTIONS, ids=[p.stem for p in CHAPTERS + SOLUTIONS]
)


def test_there_are_chapters_and_the_contents_list_them() -> None:
    assert CHAPTERS
    contents = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    listed = re.findall(r"file: (notebooks/\S+)", contents)
    assert listed == [f"notebooks/{path.stem}" for path in CHAPTERS]


@notebooks
def test_outputs_are_stored_whole_and_clean(path: Path) -> None:
    notebook = _read(path)
    nbformat.validate(notebook)
    counts = [cell.execution_count for cell in _code(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    for output in _outputs(notebook):
        assert output.output_type != "error"
        assert output.get("name") != "stderr", output.text
        text = json.dumps(output)
        assert not re.search(r"at 0x[0-9a-f]{6,}", text), "a memory address"
    assert any("image/png" in o.get("data", {}) for o in _outputs(notebook)) or path in SOLUTIONS


@notebooks
def test_no_output_mentions_a_path_of_some_machine(path: Path) -> None:
    for output in _outputs(_read(path)):
        data = {k: v for k, v in output.get("data", {}).items() if not k.startswith("image/")}
        text = json.dumps([output.get("text"), data])
        assert not re.search(r"(?<![\w.])/(home|root|work|tmp|Users|opt|usr)/|[A-Z]:\\\\", text)


@chapters
def test_card_says_what_the_reader_needs_and_how_long_it_takes(path: Path) -> None:
    notebook = _read(path)
    card = notebook.cells[0].source
    assert card.startswith("# ")
    rows = dict(re.findall(r"^\| \*\*(.+?)\*\* \| (.+?) \|$", card, re.MULTILINE))
    assert tuple(rows) == CARD_ROWS
    assert all(len(text) > 10 for text in rows.values())
    to_read, to_run = map(
        int, re.fullmatch(r"(\d+) to read, (\d+) to run", rows["Minutes"]).groups()
    )
    with (ROOT / "book" / "run_times.csv").open(newline="") as file:
        measured = {row["chapter"]: row for row in csv.DictReader(file)}[path.stem]
    assert to_run == math.ceil(int(measured["seconds"]) / 60)
    assert int(measured["seconds"]) <= LONGEST_RUN
    assert float(measured["peak memory (GB)"]) <= LARGEST_RUN
    words = sum(len(cell.source.split()) for cell in notebook.cells)
    assert to_read == pytest.approx(words / WORDS_A_MINUTE, rel=0.25)


@chapters
def test_card_introduces_each_symbol_that_the_text_defines(path: Path) -> None:
    notebook = _read(path)
    symbols = re.search(r"\*\*Symbols\*\* \| (.+?) \|$", notebook.cells[0].source, re.MULTILINE)[1]
    body = " ".join(c.source for c in notebook.cells[1:] if c.cell_type == "markdown")
    for symbol in re.findall(r"\$(.+?)\$", symbols):
        letter = re.match(r"\\?[A-Za-z]+", symbol)[0]
        assert letter in body, f"the card introduces {symbol}, which the chapter never uses"


@chapters
def test_equations_are_numbered_in_order(path: Path) -> None:
    text = "\n".join(c.source for c in _read(path).cells if c.cell_type == "markdown")
    displayed = re.findall(r"\$\$(.+?)\$\$", text, re.DOTALL)
    tags = [re.findall(r"\\tag\{(\d+)\}", equation) for equation in displayed]
    assert tags == [[str(i)] for i in range(1, len(tags) + 1)]


@chapters
def test_every_figure_has_alternative_text(path: Path) -> None:
    for cell in _code(_read(path)):
        if any("image/png" in output.get("data", {}) for output in cell.outputs):
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            assert len(alt.split()) >= 8, f"cell {cell.execution_count} draws without alt text"


@chapters
def test_figures_fit_a_page(path: Path) -> None:
    for output in _outputs(_read(path)):
        picture = output.get("data", {}).get("image/png", "")
        assert len(picture) < 400_000


class _Shell:
    """Stands in for IPython and writes down what a cell asks of it."""

    def __init__(self) -> None:
        self.magics: list[tuple[str, str]] = []

    def run_line_magic(self, name: str, line: str) -> None:
        self.magics.append((name, line))


def _run_first_cell(
    path: Path, monkeypatch: pytest.MonkeyPatch, *, colab: bool, installed: bool
) -> list[tuple[str, str]]:
    shell = _Shell()
    if colab:
        monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object() if installed else None)
    source = TransformerManager().transform_cell(_code(_read(path))[0].source)
    exec(compile(source, str(path), "exec"), {"get_ipython": lambda: shell})
    return shell.magics


@notebooks
def test_first_cell_installs_on_colab_and_only_there(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _run_first_cell(path, monkeypatch, colab=False, installed=False) == []
    assert _run_first_cell(path, monkeypatch, colab=True, installed=True) == []
    [(magic, line)] = _run_first_cell(path, monkeypatch, colab=True, installed=False)
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    assert magic == "pip"
    assert f"git+{config['repository']['url']}" in line


def _widgets(notebook: nbformat.NotebookNode) -> dict[str, dict[str, Any]]:
    return notebook.metadata.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})


@chapters
def test_stored_explorers_have_the_front_end_of_the_package(path: Path) -> None:
    notebook = _read(path)
    models = _widgets(notebook)
    shown = [
        o.data[WIDGET_VIEW]["model_id"]
        for o in _outputs(notebook)
        if WIDGET_VIEW in o.get("data", {})
    ]
    assert shown
    assert set(shown) <= set(models)
    explorers = [models[name]["state"] for name in shown if "_esm" in models[name]["state"]]
    assert explorers
    front_ends = {str(widget._esm) for widget in EXPLORERS}
    assert {state["_esm"] for state in explorers} <= front_ends
    assert len(json.dumps(models)) < LARGEST_STATE


@chapters
def test_links_to_files_of_the_book_lead_somewhere(path: Path) -> None:
    for cell in _read(path).cells:
        if cell.cell_type != "markdown":
            continue
        for target in re.findall(r"\]\((?!https?://|#)([^)\s]+)\)", cell.source):
            assert (path.parent / target.partition("#")[0]).exists(), target


@chapters
def test_chapter_ends_with_exercises_that_have_checkers(path: Path) -> None:
    source = "\n".join(cell.source for cell in _code(_read(path)))
    asked = re.findall(r"check\(\"([\w-]+)\"", source)
    assert 2 <= len(asked) <= 4
    assert set(asked) <= set(book.EXERCISES)


@pytest.mark.parametrize("name", book.EXERCISES)
def test_each_exercise_is_asked_and_solved(name: str) -> None:
    asked = "\n".join(path.read_text(encoding="utf-8") for path in CHAPTERS)
    assert f'check(\\"{name}\\"' in asked
    texts = [
        output.get("text", "") + output.get("data", {}).get("text/plain", "")
        for path in SOLUTIONS
        for output in _outputs(_read(path))
    ]
    assert any(text.startswith(f"{name}: passed.") for text in texts)
