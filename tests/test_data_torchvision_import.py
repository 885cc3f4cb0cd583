"""Importing torchvision, with and without its compiled operators."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tutorial_vae.data.torchvision_import import import_torchvision


def is_torchvision(module: str) -> bool:
    return module.partition(".")[0] == "torchvision"


@pytest.fixture
def pretended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place for a torchvision of the test's own; the real one comes back afterwards."""
    real = {name: module for name, module in sys.modules.items() if is_torchvision(name)}
    for name in real:
        del sys.modules[name]
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "part.py").write_text("imports = []")
    yield tmp_path / "torchvision" / "__init__.py"
    for name in [name for name in sys.modules if is_torchvision(name)]:
        del sys.modules[name]
    sys.modules.update(real)


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the operators that are declared."""
    names: list[str] = []
    monkeypatch.setattr(torch.library, "define", lambda name, schema: names.append(name))
    return names


def test_the_installed_torchvision_is_imported_with_its_data_sets() -> None:
    torchvision = import_torchvision()
    assert torchvision.datasets.MNIST.__name__ == "MNIST"
    assert import_torchvision() is torchvision


def test_nothing_is_declared_where_the_import_works(pretended: Path, declared: list[str]) -> None:
    pretended.write_text("works = True")
    assert import_torchvision().works
    assert declared == []


def test_missing_operators_are_declared(pretended: Path, declared: list[str]) -> None:
    pretended.write_text(
        "import sys\n"
        "from torchvision import part\n"
        "part.imports.append(1)\n"
        "if not hasattr(sys, 'second_attempt'):\n"
        "    sys.second_attempt = True\n"
        "    raise RuntimeError('operator torchvision::nms does not exist')\n"
        "attempts = len(part.imports)\n"
    )
    try:
        # The first attempt's modules are not taken for imported: the part counts one import.
        assert import_torchvision().attempts == 1
    finally:
        del sys.second_attempt  # type: ignore[attr-defined]
    assert declared == ["torchvision::nms", "torchvision::qnms"]


def test_other_failures_are_passed_on(pretended: Path, declared: list[str]) -> None:
    pretended.write_text("raise RuntimeError('another reason')")
    with pytest.raises(RuntimeError, match="another reason"):
        import_torchvision()
    assert declared == []
