"""Chapters are found by their folders, ``chNN_name``: what one adds, it adds there."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).parent


def chapter_folders() -> tuple[str, ...]:
    """Return the names of the chapters' folders, in the order of the book."""
    return tuple(sorted(path.parent.name for path in FOLDER.glob("ch[0-9][0-9]_*/__init__.py")))


def chapters() -> Iterator[ModuleType]:
    """Import each chapter. Its explorers are loaded when they are asked for."""
    for name in chapter_folders():
        yield import_module(f"{__package__}.{name}")


def chapter_modules(pattern: str = "[a-z]*.py") -> Iterator[ModuleType]:
    """Import modules of all chapters, but for the explorers, which measure nothing.

    Args:
        pattern: of their files' names.
    """
    for name in chapter_folders():
        for path in sorted((FOLDER / name).glob(pattern)):
            if not path.stem.endswith("_explorer"):
                yield import_module(f"{__package__}.{name}.{path.stem}")
