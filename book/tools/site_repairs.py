"""Sphinx extension: what ``_config.yml`` cannot say about the site.

It derives the public address from the repository's, describes each page to link previews, loads
the explorers where a page has one, marks the chapters' cards, finds types by the names that people
use, and gives the first address a whole page. Not named ``site``, because Python has a module of
that name.
"""

import json
import re
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.domains.python import PyObject
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

CARD_ALT = "A layer-by-layer similarity map between two variational autoencoders"
DESCRIPTION_LENGTH = 155
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class ChapterExplorer(SphinxDirective):
    """``{chapter-explorer} PATH`` shows the last explorer stored in the notebook at PATH."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the explorer's state and view, for the page's host script."""
        relative, absolute = self.env.relfn2path(self.arguments[0])
        self.env.note_dependency(relative)
        notebook = json.loads(Path(absolute).read_text(encoding="utf-8"))
        views = [
            output["data"][WIDGET_VIEW]["model_id"]
            for cell in notebook["cells"]
            for output in cell.get("outputs", [])
            if WIDGET_VIEW in output.get("data", {})
        ]
        if not views:
            raise self.error(f"{self.arguments[0]} stores no explorer: run make notebooks")
        stored = notebook["metadata"]["widgets"][WIDGET_STATE]["state"]
        version = {"version_major": 2, "version_minor": 0}
        state = {**version, "state": {views[-1]: stored[views[-1]]}}
        view = {**version, "model_id": views[-1]}
        return [
            nodes.raw("", _script(WIDGET_STATE, state) + _script(WIDGET_VIEW, view), format="html")
        ]


def _script(kind: str, content: dict) -> str:
    # Inside a script element only "<" can end or open markup.
    text = json.dumps(content).replace("<", "\\u003c")
    return f'<script type="{kind}">{text}</script>\n'


def public_address(repository_url: str) -> str:
    """GitHub Pages' address of a repository, so that a fork has to change one address only."""
    owner, name = urlsplit(repository_url).path.strip("/").split("/")
    return f"https://{owner}.github.io/{name}/"


def set_base_address(app: Sphinx, config: Config) -> None:
    config.html_baseurl = public_address(config.html_theme_options["repository_url"])


def description(doctree: nodes.document) -> str:
    """The first paragraph without maths, which a preview cannot show, cut at a whole word."""
    for paragraph in doctree.findall(nodes.paragraph):
        inside = paragraph.parent
        if isinstance(inside, nodes.section) and not list(paragraph.findall(nodes.math)):
            text = re.sub(r"\s+", " ", paragraph.astext()).strip()
            if len(text) > DESCRIPTION_LENGTH:
                text = text[:DESCRIPTION_LENGTH].rsplit(" ", 1)[0].rstrip(",;:") + " …"
            return text
    return ""


def describe_page(
    app: Sphinx, pagename: str, _template: str, context: dict, doctree: nodes.document | None
) -> None:
    title = context.get("title") or app.config.html_title
    summary = description(doctree) if doctree else ""
    summary = summary or f"{title}: a page of {app.config.html_title}."
    address = app.config.html_baseurl
    context["site_meta"] = "\n    ".join(
        [
            f'<meta name="description" content="{escape(summary)}"/>',
            f'<meta property="og:title" content="{escape(re.sub("<[^>]*>", "", title))}"/>',
            '<meta property="og:type" content="article"/>',
            f'<meta property="og:site_name" content="{escape(app.config.html_title)}"/>',
            f'<meta property="og:description" content="{escape(summary)}"/>',
            f'<meta property="og:url" content="{address}{app.builder.get_target_uri(pagename)}"/>',
            f'<meta property="og:image" content="{address}_static/social_card.png"/>',
            f'<meta property="og:image:alt" content="{CARD_ALT}"/>',
            '<meta name="twitter:card" content="summary_large_image"/>',
        ]
    )


def mark_chapter_card(app: Sphinx, doctree: nodes.document) -> None:
    """A chapter's card is a plain table, which reads well in a notebook too; style it as a card."""
    if app.env.docname.startswith("notebooks/"):
        for table in list(doctree.findall(nodes.table))[:1]:
            table["classes"].append("chapter-card")


def load_explorers(
    app: Sphinx, _pagename: str, _template: str, context: dict, _doctree: nodes.document | None
) -> None:
    if "application/vnd.jupyter.widget" in context.get("body", ""):
        app.add_js_file("explorers.js", loading_method="defer")


def resolve_name(app: Sphinx, env: BuildEnvironment, node, contnode):
    """Lead to where a name is documented, from the short name that people type or an inner one.

    ``tutorial_vae.fit`` is documented with its module, and an annotation names the file in which
    a type happens to live.
    """
    package, *parts = node.get("reftarget", "").split(".")
    if node.get("refdomain") != "py" or package != "tutorial_vae":
        return None
    objects = env.get_domain("py").objects
    for start in range(len(parts)):
        ending = "." + ".".join(parts[start:])
        found = [name for name in objects if name.startswith(package) and name.endswith(ending)]
        if len(found) == 1:
            entry = objects[found[0]]
            origin = node.get("refdoc", env.docname)
            return make_refnode(
                app.builder, origin, entry.docname, entry.node_id, contnode, found[0]
            )
    return None


def drop_empty_words(
    _app: Sphinx, _what: str, _name: str, _obj: object, _options: object, lines: list[str]
) -> None:
    """Python's own docstring of a named tuple's field says nothing; its type does."""
    if lines and lines[0].startswith("Alias for field number"):
        lines.clear()


def write_front_page(app: Sphinx, error: Exception | None) -> None:
    """A first page with a language and a title in place of Jupyter Book's bare redirect."""
    if error is None and app.builder.format == "html":
        first = app.builder.get_target_uri(app.config.root_doc)
        title = escape(app.config.html_title)
        (Path(app.outdir) / "index.html").write_text(
            f'<!DOCTYPE html>\n<html lang="{app.config.language}">\n'
            f'<head>\n<meta charset="utf-8"/>\n'
            f"<title>{title}</title>\n"
            f'<meta http-equiv="refresh" content="0; url={first}"/>\n'
            f'<link rel="canonical" href="{app.config.html_baseurl}{first}"/>\n</head>\n'
            f'<body><p><a href="{first}">{title}</a></p></body>\n</html>\n',
            encoding="utf-8",
        )


def setup(app: Sphinx) -> dict:
    for field in PyObject.doc_field_types:
        if field.name == "variable":
            field.label = "Attributes"  # the word that the docstrings use
    app.add_directive("chapter-explorer", ChapterExplorer)
    app.connect("config-inited", set_base_address)
    app.connect("doctree-read", mark_chapter_card)
    app.connect("html-page-context", describe_page)
    app.connect("html-page-context", load_explorers)
    app.connect("autodoc-process-docstring", drop_empty_words)
    app.connect("missing-reference", resolve_name)
    app.connect("build-finished", write_front_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
