"""The text of a front end: an explorer's module and all that it imports, as one file."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from os import PathLike
from pathlib import Path

_IMPORT = re.compile(r'^import [^;]* from "([^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)
_SHARED_STYLE = Path(__file__).with_name("explorer.css")


def script(path: str | PathLike[str]) -> str:
    """Return the ES module of an explorer, which depends on no other file.

    Args:
        path: the explorer's Python file; the module of the same name lies beside it. An import
            names a file of its own folder (``"./noise.js"``) or of a package
            (``"tutorial_vae/explorer/controls.js"``).
    """
    text = "\n".join(_with_imports(Path(path).with_suffix(".js"), set()))
    # Every notebook and page stores this text, so comments and indentation stay at home. No string
    # of the modules runs over lines.
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def _with_imports(path: Path, seen: set[Path]) -> Iterator[str]:
    """Yield what a module imports and then the module, each once, in one scope."""
    if path in seen:
        return
    seen.add(path)
    text = path.read_text(encoding="utf-8")
    for imported in _IMPORT.findall(text):
        yield from _with_imports(_located(imported, path.parent), seen)
    yield _EXPORT.sub("", _IMPORT.sub("", text))


def _located(imported: str, folder: Path) -> Path:
    if imported.startswith("./"):
        return folder / imported
    package, _, rest = imported.partition("/")
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ImportError(f"{imported} cannot be found: there is no package {package}")
    return Path(spec.origin).parent / rest


def style(path: str | PathLike[str]) -> str:
    """Return the style sheet of an explorer: the rules that all share, and its own.

    Args:
        path: the explorer's Python file; its own rules lie beside it under the same name.
    """
    own = Path(path).with_suffix(".css")
    return "\n".join(part.read_text(encoding="utf-8") for part in (_SHARED_STYLE, own))
