"""The text of a front end: an explorer's module and all that it imports, as one file."""

import re
from importlib.util import find_spec
from os import PathLike
from pathlib import Path

_IMPORT = re.compile(r'^import (\{[^;]*\}) from "([^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)
_EXPORTED = re.compile(r"^export (?:const|function) (\w+)", re.MULTILINE)
_SHARED_STYLE = Path(__file__).with_name("explorer.css")


def script(path: str | PathLike[str]) -> str:
    """Return the ES module of an explorer, which depends on no other file.

    Args:
        path: the explorer's Python file; the module of the same name lies beside it. An import
            names a file of its own folder (``"./noise.js"``) or of a package
            (``"tutorial_vae/explorer/controls.js"``).
    """
    modules: dict[Path, tuple[str, str]] = {}
    own = _bound(Path(path).with_suffix(".js"), modules)
    text = "\n".join([*(module for _, module in modules.values()), own])
    # Every notebook and page stores this text, so comments and indentation stay at home. No string
    # of the modules runs over lines.
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def _bound(path: Path, modules: dict[Path, tuple[str, str]]) -> str:
    """Return a module that takes what it imports from constants, each of which holds a module.

    Those are added to `modules`, their names and texts, in an order in which they can run. What a
    module does not export stays its own.
    """

    def taken(match: re.Match[str]) -> str:
        other = _located(match[2], path.parent).resolve()
        if other not in modules:
            exported = ", ".join(_EXPORTED.findall(other.read_text(encoding="utf-8")))
            body = _bound(other, modules)
            name = f"module{len(modules)}"
            module = f"const {name} = (() => {{\n{body}\nreturn {{ {exported} }};\n}})();"
            modules[other] = name, module
        return f"const {match[1]} = {modules[other][0]};\n"

    return _EXPORT.sub("", _IMPORT.sub(taken, path.read_text(encoding="utf-8")))


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
