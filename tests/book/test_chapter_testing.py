"""What nbval leaves out is compared: another figure or explorer fails, a moved letter does not."""

import base64
import io
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import numpy as np
import pytest
from matplotlib.figure import Figure

from tutorial_vae_book.chapter_testing import StateComparison, figure_difference

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def png(figure: Figure) -> str:
    file = io.BytesIO()
    figure.savefig(file, dpi=100)
    return base64.b64encode(file.getvalue()).decode()


def curve(power: float = 1.0, *, moved: float = 0.0, size: float = 4.0) -> str:
    """A curve with a title and a legend, whose words may stand some pixels further right."""
    figure = Figure(figsize=(size, 3.0), layout="constrained")
    axes = figure.subplots()
    x = np.linspace(0, 1, 50)
    axes.plot(x, x**power, label="the held-out bound, in nats")
    axes.legend(loc="upper left")
    figure.text(0.3 + moved / (100 * size), 0.02, "A title of several words")
    return png(figure)


def pictures(seed: int, columns: int = 6) -> str:
    """A row of pictures of noise, as an untrained network draws them."""
    figure = Figure(figsize=(6.0, 1.5))
    random = np.random.default_rng(seed)
    for axes in figure.subplots(1, columns):
        axes.imshow(0.4 + 0.2 * random.random((8, 8)), cmap="gray", vmin=0, vmax=1)
        axes.axis("off")
    return png(figure)


def test_a_figure_is_like_itself_and_like_one_whose_letters_moved_by_a_pixel() -> None:
    assert figure_difference(curve(), curve()) == ""
    assert figure_difference(curve(), curve(moved=1)) == ""


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (curve(1.6), "tiles differ"),
        (curve(size=4.5), "pixels"),
        (pictures(0), "pixels"),
    ],
    ids=["another curve", "wider", "pictures"],
)
def test_another_figure_is_told_apart(other: str, said: str) -> None:
    assert said in figure_difference(curve(), other)


def test_what_a_network_draws_may_vary_where_that_is_said_but_not_the_frame_of_it() -> None:
    assert figure_difference(pictures(0), pictures(1))
    assert figure_difference(pictures(0), pictures(1), varies=True) == ""
    assert figure_difference(pictures(0), pictures(1, columns=5), varies=True)


@pytest.mark.parametrize("path", CHAPTERS, ids=[path.stem for path in CHAPTERS])
def test_no_figure_of_a_chapter_passes_for_another_of_it(path: Path) -> None:
    outputs = [o for cell in nbformat.read(path, 4).cells for o in cell.get("outputs", [])]
    figures = [o.data["image/png"] for o in outputs if "image/png" in o.get("data", {})]
    for position, figure in enumerate(figures):
        for other in figures[:position]:
            assert figure_difference(figure, other)


STATE = {
    "explorer": {"layout": "IPY_MODEL_box", "data": {"x": [1.0, 2.5], "packed": "AAEC" * 8}},
    "box": {"width": None, "_view_module_version": "2.0.0"},
}


def differences(drawn: dict, *, varies: bool = False) -> list[str]:
    renamed = {"new": drawn, "other": {"width": None, "_view_module_version": "2.1.0"}}
    return list(StateComparison(STATE, renamed).differences("explorer", "new", varies=varies))


def test_an_explorer_is_like_one_of_another_name_and_version() -> None:
    assert differences({**STATE["explorer"], "layout": "IPY_MODEL_other"}) == []


@pytest.mark.parametrize(
    ("data", "usual", "varying"),
    [
        ({"x": [1.0, 2.5004], "packed": "AAEC" * 8}, False, False),
        ({"x": [1.0, 2.6], "packed": "AAEC" * 8}, True, False),
        ({"x": [1.0, 2.5], "packed": "AAED" * 8}, True, False),
        ({"x": [1.0, 2.5], "packed": "AAEC" * 9}, True, True),
        ({"x": [1.0], "packed": "AAEC" * 8}, True, True),
        ({"x": [1.0, "2.5"], "packed": "AAEC" * 8}, True, True),
        ({"x": [1.0, 2.5]}, True, True),
    ],
    ids=["rounding", "number", "packed", "more packed", "fewer", "text", "none"],
)
def test_what_an_explorer_is_given_counts(data: dict, usual: bool, varying: bool) -> None:
    drawn = {"layout": "IPY_MODEL_other", "data": data}
    assert bool(differences(drawn)) == usual
    assert bool(differences(drawn, varies=True)) == varying


@pytest.fixture
def tested(tmp_path: Path) -> Callable[..., str]:
    """A function that lets nbval execute a chapter of one cell, and returns what it says."""
    code = """
        # A chapter of tutorial_vae.
        import io
        from IPython.display import Image, display
        from PIL import Image as Picture
        file = io.BytesIO()
        Picture.linear_gradient("L").save(file, format="png")
        display(Image(file.getvalue()))
    """
    source = re.sub("(?m)^ +", "", code).strip()

    def run(figure: str, tags: list[str]) -> str:
        output = nbformat.v4.new_output("display_data", {"image/png": figure})
        output.data["text/plain"] = "<IPython.core.display.Image object>"
        cell = nbformat.v4.new_code_cell(source, execution_count=1, outputs=[output])
        cell.metadata["tags"] = tags
        path = tmp_path / "chapter.ipynb"
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(
            nbformat.v4.new_notebook(metadata={"kernelspec": kernel}, cells=[cell]), path
        )
        command = [sys.executable, "-m", "pytest", "--nbval", "-p", "no:cacheprovider"]
        command += ["-p", "tutorial_vae_book.pytest_plugin", "--color=no", str(path)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout

    return run


@pytest.mark.slow
def test_nbval_fails_where_the_stored_figure_is_another_one(tested: Callable[..., str]) -> None:
    from PIL import Image

    kept = []
    for picture in (Image.linear_gradient("L"), Image.radial_gradient("L")):
        file = io.BytesIO()
        picture.save(file, format="png")
        kept.append(base64.b64encode(file.getvalue()).decode())
    assert "2 passed" in tested(kept[0], [])
    assert "Figure 1 is not the stored one" in tested(kept[1], [])
    assert "2 passed" in tested(kept[1], ["nbval-ignore-output"])
