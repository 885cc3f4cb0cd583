"""The wheel of a clean clone works where the repository is not: both packages, and a chapter."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
# The one that takes the fewest seconds.
CHAPTER = ROOT / "notebooks" / "06_latent_space.ipynb"
VERBS = ("data", "train", "compare", "assess", "transfer", "experiment")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    clone = folder / "clone"
    # As it is now, with what is not yet committed, and without what git ignores.
    subprocess.run(["git", "clone", "--quiet", "--no-local", str(ROOT), str(clone)], check=True)
    changed = subprocess.run(
        ["git", "diff", "HEAD", "--binary"], cwd=ROOT, capture_output=True, check=True
    ).stdout
    if changed:
        subprocess.run(["git", "apply"], cwd=clone, input=changed, check=True)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", str(folder), str(clone)], check=True)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def run(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """A function that runs the Python of a place that knows the wheel and not the repository."""
    outside = tmp_path_factory.mktemp("outside")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    subprocess.run([*install, str(outside / "installed"), str(wheel)], check=True)

    def start(*arguments: str) -> str:
        environment = os.environ | {"PYTHONPATH": str(outside / "installed")}
        ran = subprocess.run(
            [sys.executable, *arguments],
            cwd=outside, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    return start


def test_it_holds_both_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"tutorial_vae", "tutorial_vae_book"}
    # Tables, front ends and styles travel along.
    for ending in (".csv", ".js", ".css", ".json"):
        assert any(name.endswith(ending) for name in names), ending


def test_its_packages_are_those_that_are_found(run: Callable[..., str]) -> None:
    code = "import tutorial_vae, tutorial_vae_book as book; print(tutorial_vae.VAE, book.check)"
    assert "VAE" in run("-c", code)
    where = run("-c", "import tutorial_vae, tutorial_vae_book as b; print(b.__file__)")
    assert str(ROOT) not in where


def test_every_verb_explains_itself(run: Callable[..., str]) -> None:
    code = (
        "import sys; from tutorial_vae.cli import main\n"
        f"for verb in {VERBS}:\n"
        "    try: main([verb, '--help'])\n"
        "    except SystemExit as end: assert end.code == 0, verb\n"
    )
    shown = run("-c", code)
    for verb in VERBS:
        assert f"usage: tutorial-vae {verb}" in shown


def test_a_chapter_runs(run: Callable[..., str], tmp_path: Path) -> None:
    cells = nbformat.read(CHAPTER, as_version=4).cells
    # The first cell installs the package where Colab has none.
    code = [cell.source for cell in cells if cell.cell_type == "code"][1:]
    script = tmp_path / "chapter.py"
    script.write_text("import matplotlib\nmatplotlib.use('agg')\n" + "\n".join(code))
    run(str(script))
