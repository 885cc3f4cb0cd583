"""The text of a front end: what explorers share, and then the explorer's own."""

from pathlib import Path

FOLDER = Path(__file__).parent

# What several explorers share but not all.
_SHARED = {
    "alignment_explorer.js": ("noise.js",),
    "genericity_explorer.js": ("layers.js",),
    "gradient_explorer.js": ("noise.js",),
    "layer_explorer.js": ("layers.js",),
    "plan_explorer.js": ("layers.js",),
}


def script(name: str) -> str:
    """Return the ES module of an explorer, which depends on no other file.

    Args:
        name: file of the explorer's own module in this folder, for example ``"layer_explorer.js"``.
    """
    text = _joined("controls.js", *_SHARED.get(name, ()), name)
    # Every notebook and page stores this text, so comments and indentation stay at home. No string
    # of the modules runs over lines.
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def style(name: str) -> str:
    """Return the style sheet of an explorer.

    Args:
        name: file of the explorer's own rules in this folder, for example
            ``"layer_explorer.css"``.
    """
    return _joined("explorer.css", name)


def _joined(*names: str) -> str:
    return "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in names)
