"""Chapter 15 promises that it runs on a reader's own folder, whatever is in it."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from PIL import Image

from tutorial_vae.transfer import assessment

CHAPTER = Path(__file__).parents[2] / "notebooks" / "15_your_own_pictures.ipynb"


def _fill(folder: Path, classes: Sequence[str], mode: str, count: int = 75) -> None:
    random = np.random.default_rng(0)
    for number in range(count):
        place = folder / classes[number % len(classes)]
        place.mkdir(parents=True, exist_ok=True)
        shape = (40, 50) if mode == "L" else (40, 50, 3)
        pixels = random.integers(0, 256, shape, dtype=np.uint8)
        pixels[: 5 + number % 30] = 20
        Image.fromarray(pixels, mode).save(place / f"{number}.png")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], dict[str, Any]]:
    """A function that runs the chapter's cells on a folder, with next to no training."""
    monkeypatch.setattr(assessment, "STEPS", 2)

    def start(folder: Path) -> dict[str, Any]:
        notebook = nbformat.read(CHAPTER, as_version=4)
        cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"][1:]
        source = "\n".join(cells)
        for line, instead in (
            (r'^PICTURES = "".*$', f"PICTURES = {str(folder)!r}"),
            (r"^STEPS, SEEDS = \d+,", "STEPS, SEEDS = 2,"),
            (r"steps=20,", "steps=1,"),
        ):
            source, count = re.subn(line, lambda _, text=instead: text, source, flags=re.MULTILINE)
            assert count == 1, line
        names: dict[str, Any] = {"__name__": "chapter"}
        exec(compile(source, str(CHAPTER), "exec"), names)
        return names

    return start


@pytest.mark.parametrize(
    ("classes", "mode", "inside"),
    [((".",), "RGB", False), (("only",), "L", True), (("one", "two", "three"), "RGB", False)],
    ids=["no classes", "one class, grey, named by a dot", "three classes"],
)
def test_it_runs_on_any_folder(
    tmp_path: Path,
    run: Callable[[Path], dict[str, Any]],
    classes: Sequence[str],
    mode: str,
    inside: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "my pictures"
    _fill(folder, classes, mode)
    monkeypatch.chdir(folder if inside else tmp_path)
    names = run(Path() if inside else folder)
    assert len(names["pictures"]) + len(names["unseen"]) == 75
    assert names["labelled"] == (len(classes) > 1)
    assert set(names["retrained"]) >= {names["first"], "scratch"}
    report = (tmp_path / "my pictures-report.html").read_text(encoding="utf-8")
    assert all(finding.partition(":")[0] in report for finding in names["findings"])
    assert (tmp_path / "my pictures-card.html").is_file()
    assert (tmp_path / "my pictures-card.json").is_file()
    printed = capsys.readouterr().out
    assert ("lead over" in printed) == (len(classes) > 1)
    assert str(tmp_path) not in printed


@pytest.mark.parametrize(
    ("count", "error", "said"),
    [
        (None, FileNotFoundError, "is not a folder"),
        (0, ValueError, "holds no picture"),
        (4, ValueError, "at least 5 are needed"),
        (5, ValueError, "leaves 4 pictures to work with; the card needs 20"),
    ],
)
def test_it_stops_at_once_where_there_is_too_little(
    tmp_path: Path,
    run: Callable[[Path], dict[str, Any]],
    count: int | None,
    error: type[Exception],
    said: str,
) -> None:
    folder = tmp_path / "my pictures"
    if count is not None:
        folder.mkdir()
        _fill(folder, ("one", "two"), "RGB", count)
    with pytest.raises(error, match=said):
        run(folder)
    assert not list(tmp_path.glob("*.html"))


def test_the_example_is_the_same_every_time(tmp_path: Path) -> None:
    notebook = nbformat.read(CHAPTER, as_version=4)
    [cell] = [c.source for c in notebook.cells if "def draw_leaf" in c.source]
    names: dict[str, Any] = {"np": np, "Image": Image}
    exec("from PIL import ImageDraw\n" + cell, names)
    drawn = [
        [np.asarray(names["draw_leaf"](*kind, random)) for kind in names["KINDS"].values()]
        for random in (np.random.default_rng(0), np.random.default_rng(0))
    ]
    for once, again in zip(*drawn, strict=True):
        assert once.shape == (72, 96, 3)
        assert (once == again).all()
        assert 0.03 < (once.max(axis=2) > 100).mean() < 0.6  # a leaf, and a table around it
