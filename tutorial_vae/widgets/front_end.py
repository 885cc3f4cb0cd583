"""The text of a front end: what all explorers share, and then the explorer's own."""

from pathlib import Path

FOLDER = Path(__file__).parent


def script(name: str) -> str:
    """Return the ES module of an explorer, which depends on no other file.

    Args:
        name: file of the explorer's own module in this folder, for example ``"layer_explorer.js"``.
    """
    return _joined("controls.js", name)


def style(name: str) -> str:
    """Return the style sheet of an explorer.

    Args:
        name: file of the explorer's own rules in this folder, for example
            ``"layer_explorer.css"``.
    """
    return _joined("explorer.css", name)


def _joined(*names: str) -> str:
    return "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in names)
