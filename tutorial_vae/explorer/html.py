"""Explorers as HTML: fragments for pages of the book, and whole pages that stand alone."""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from html import escape
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from ..files import write_atomically

# What the front end reads; the rest of a widget's state concerns Jupyter's page layout.
_NOT_SHOWN = {"layout", "tabbable", "tooltip"}


class Section(NamedTuple):
    """A part of a page after the explorer.

    Attributes:
        heading: its title.
        text: plain text; an empty line starts a new paragraph.
        picture: the bytes of a PNG file, or nothing.
        alt: what the picture shows, in words; needed with a picture.
    """

    heading: str
    text: str = ""
    picture: bytes = b""
    alt: str = ""


def fragment(explorer: Any) -> str:
    """Two script elements with an explorer's state and view, as notebook pages have them.

    Args:
        explorer: an anywidget whose arrays travel in its state.

    Returns:
        HTML text. The model's id is made of its state, so that the text is reproducible.
    """
    state = _shown_state(explorer)
    model_id = hashlib.sha256(_json(state).encode()).hexdigest()[:32]
    model = {
        "model_name": state["_model_name"],
        "model_module": state["_model_module"],
        "model_module_version": state["_model_module_version"],
        "state": state,
    }
    version = {"version_major": 2, "version_minor": 0}
    return (
        '<script type="application/vnd.jupyter.widget-state+json">'
        f"{_json({**version, 'state': {model_id: model}})}</script>\n"
        '<script type="application/vnd.jupyter.widget-view+json">'
        f"{_json({**version, 'model_id': model_id})}</script>\n"
    )


def write_page(
    explorer: Any,
    path: str | PathLike[str],
    *,
    title: str,
    introduction: str = "",
    sections: Sequence[Section] = (),
) -> None:
    """Write one self-contained page around an explorer.

    Args:
        explorer: an anywidget whose arrays travel in its state.
        path: the file to write; an existing one is replaced when the new one is complete.
        title: the heading of the page.
        introduction: plain text above the explorer; an empty line starts a new paragraph.
        sections: what follows the explorer.

    Raises:
        FileNotFoundError: the folder of `path` does not exist.
        ValueError: a picture is not PNG, or has no alternative text.
    """
    state = _shown_state(explorer)
    module = base64.b64encode(state.pop("_esm").encode()).decode()
    parts = {
        "TITLE": escape(title),
        "INTRODUCTION": _paragraphs(introduction),
        "SECTIONS": "".join(_section_html(*section) for section in sections),
        "STYLE": state.pop("_css", ""),
        "STATE": _json(state),
        "MODULE": f"data:text/javascript;base64,{module}",
    }
    template = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    # One pass, so that a title with a placeholder in it stays a title.
    page = re.sub(r"\{\{([A-Z]+)\}\}", lambda match: parts[match[1]], template)
    write_atomically(path, page.encode())


def _shown_state(explorer: Any) -> dict[str, Any]:
    state = explorer.get_state()
    return {name: state[name] for name in sorted(state) if name not in _NOT_SHOWN}


def _json(value: Any) -> str:
    # Inside a script element only "<" can end or open markup.
    return json.dumps(value).replace("<", "\\u003c")


def _paragraphs(text: str) -> str:
    blocks = (block.strip() for block in re.split(r"\n\s*\n", text))
    return "".join(f"<p>{escape(block)}</p>\n" for block in blocks if block)


def _section_html(heading: str, text: str = "", picture: bytes = b"", alt: str = "") -> str:
    figure = ""
    if picture:
        if not picture.startswith(b"\x89PNG\r\n\x1a\n"):
            raise ValueError(f"picture of section {heading!r} must be the bytes of a PNG file")
        if not alt:
            raise ValueError(f"picture of section {heading!r} needs alt, its content in words")
        source = "data:image/png;base64," + base64.b64encode(picture).decode()
        figure = f'<img src="{source}" alt="{escape(alt)}">\n'
    return f"<section>\n<h2>{escape(heading)}</h2>\n{_paragraphs(text)}{figure}</section>\n"
