"""Lets ``pytest --nbval`` compare the figures and explorers of notebooks that use this package.

pytest finds it through the entry point group pytest11, so it is light: what compares is imported
only where ``--nbval`` is asked for. ``-p no:tutorial_vae_book.pytest_plugin`` leaves it out.
"""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[Any], list[Any]]:
    """Put a collector that compares more in the place of nbval's own."""
    collectors = yield
    if file_path.suffix != ".ipynb" or not parent.config.getoption("nbval", default=False):
        return collectors
    if "tutorial_vae" not in file_path.read_text(encoding="utf-8"):
        return collectors
    from .chapter_testing import Chapter

    return [Chapter.from_parent(parent, path=file_path)]
