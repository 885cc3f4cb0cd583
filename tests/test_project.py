"""The project's own files agree with each other."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "book" / "tools"))

import rehome

ROOT = Path(__file__).parents[1]
# What conda-forge calls otherwise.
CONDA_NAMES = {"pytorch-cpu": "torch"}
# What only environment.yml has to say: the interpreter, its installer and the package itself.
CONDA_ONLY = {"python=3.11", "pip", "-e ."}


def _project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def test_environment_and_pyproject_name_the_same_packages() -> None:
    project = _project()
    extras = project["optional-dependencies"]
    wanted = set(project["dependencies"]) | set(extras["book"]) | set(extras["test"])
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    found = set()
    for entry in environment["dependencies"]:
        found |= set(entry["pip"]) if isinstance(entry, dict) else {entry}
    found -= CONDA_ONLY
    names = {re.match(r"[A-Za-z0-9_.-]+", entry)[0]: entry for entry in found}
    for conda, pypi in CONDA_NAMES.items():
        names[pypi] = names.pop(conda).replace(conda, pypi)
    assert set(names.values()) == wanted


def test_constraints_pin_every_direct_dependency() -> None:
    project = _project()
    extras = project["optional-dependencies"]
    direct = [*project["dependencies"], *(name for extra in extras.values() for name in extra)]
    names = {re.match(r"[A-Za-z0-9_.-]+", entry)[0].lower().replace("_", "-") for entry in direct}
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {
        line.split("==")[0].lower().replace("_", "-") for line in lines if not line.startswith("#")
    }
    assert not names - pinned
    assert {"torch==2.13.0", "torchvision==0.28.0"} <= set(lines)


def test_version_is_the_same_everywhere() -> None:
    import tutorial_vae

    version = _project()["version"]
    assert tutorial_vae.__version__ == version
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert str(citation["version"]) == version


def _repository_links(text: str) -> set[str]:
    """Repository addresses in the forms that this project uses for its own."""
    forms = [
        r"https://github\.com/([\w.-]+/tutorial_vae)\b",
        r"mybinder\.org/v2/gh/([\w.-]+/[\w.-]+?)/",
        r"colab\.research\.google\.com/github/([\w.-]+/[\w.-]+?)/",
        r"git\+https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?[\"'\s@\\]",
    ]
    return {link for form in forms for link in re.findall(form, text)}


def test_every_file_has_the_project_at_the_same_address() -> None:
    address = rehome.slug(rehome.current())
    places = set(rehome.places())
    assert {p.name for p in places} >= {"_config.yml", "CITATION.cff", "README.md"}
    for path in _tracked():
        if path.suffix in {".png", ".ico", ".safetensors", ".ttf"} or path == Path(__file__):
            continue
        links = _repository_links(path.read_text(encoding="utf-8"))
        assert links <= {address}, f"{path} has the project at {links}"
        # What repeats the address has to be where rehome looks.
        assert not links or path in places, f"{path} repeats the address; rehome does not know it"


def test_rehome_moves_every_place(tmp_path: Path) -> None:
    for path in rehome.places():
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    old = rehome.current(tmp_path)
    changed = rehome.rehome("https://github.com/ada/course-vae.git", tmp_path)
    assert len(changed) >= 4
    assert rehome.current(tmp_path) == "https://github.com/ada/course-vae"
    for path in rehome.places(tmp_path):
        text = path.read_text(encoding="utf-8")
        assert rehome.slug(old) not in text, path
        if path.suffix == ".ipynb":
            json.loads(text)
    rehome.rehome(old, tmp_path)
    for path in rehome.places():
        assert (tmp_path / path.relative_to(ROOT)).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    "address", ["", "ada/course", "https://example.org/ada/course", "https://github.com/ada"]
)
def test_rehome_refuses_what_is_no_address(tmp_path: Path, address: str) -> None:
    with pytest.raises(ValueError, match="REPO must look like"):
        rehome.rehome(address, tmp_path)


def _readme_blocks() -> list[tuple[str, str]]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)


def test_readme_example_prints_what_it_shows() -> None:
    blocks = _readme_blocks()
    position = next(i for i, (language, _) in enumerate(blocks) if language == "python")
    code, (language, shown) = blocks[position][1], blocks[position + 1]
    assert language == "text"
    assert len([line for line in code.splitlines() if line]) <= 5
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert ran.stdout.strip() == shown.strip()


def test_readme_names_commands_that_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"\bmake ([a-z]+)", text)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_no_file_speaks_of_a_machine() -> None:
    # Assembled from parts, so that this file passes its own test.
    paths = re.compile("|".join(("/" + "root/", "/" + "home/(?!jovyan)", "/" + "work/")))
    for path in _tracked():
        if path.suffix in {".png", ".ico", ".safetensors", ".ttf"}:
            continue
        found = paths.search(path.read_text(encoding="utf-8"))
        assert not found, f"{path} mentions {found[0]}"


def test_imports_keep_to_the_floors() -> None:
    ran = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout


def _loaded_by(statement: str) -> set[str]:
    """Names of the project's modules that a fresh interpreter has loaded after a statement."""
    code = f"import sys\n{statement}\nprint(*(n for n in sys.modules if 'tutorial_vae' in n))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


def test_the_package_loads_what_is_asked_for_and_no_more() -> None:
    assert len(_loaded_by("import tutorial_vae")) <= 3
    loaded = _loaded_by("import tutorial_vae; tutorial_vae.LayerExplorer")
    explorers = {name for name in loaded if name.endswith("_explorer")}
    assert explorers == {"tutorial_vae.similarity.layer_explorer"}
    assert not {name for name in loaded if name.startswith("tutorial_vae_book")}


def test_large_files_stay_out() -> None:
    for path in _tracked():
        assert path.stat().st_size < 2 * 1024**2, path
