"""The built site, read as files: links, titles, alternative texts, previews."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
import yaml
from PIL import Image
from pybtex.database import parse_file

from tutorial_vae.plots import COLOURS

ROOT = Path(__file__).parents[2]
ASSETS = ROOT / "book" / "assets"
NOT_PAGES = {"_static", "_sources"}


def is_elsewhere(address):
    return bool(urlsplit(address).netloc)


class Page(HTMLParser):
    """What the tests want to know of one HTML file."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.lang = None
        self.title = ""
        self.headings = 0
        self.meta = {}
        self.anchors = set()
        self.links = []
        self.loaded = []
        self.images = []
        self._in_title = False
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if attributes.get("id"):
            self.anchors.add(attributes["id"])
        if tag == "html":
            self.lang = attributes.get("lang")
        elif tag == "title":
            self._in_title = True
        elif tag == "h1":
            self.headings += 1
        elif tag == "meta":
            self.meta[attributes.get("name") or attributes.get("property")] = attributes.get(
                "content"
            )
        elif tag == "a" and attributes.get("href"):
            self.links.append(attributes["href"])
        elif tag == "link" and attributes.get("rel") not in {"canonical", "next", "prev"}:
            self.loaded.append(attributes["href"])
        elif tag == "img":
            self.images.append((attributes.get("src"), attributes.get("alt")))
        if tag != "a" and attributes.get("src"):
            self.loaded.append(attributes["src"])

    def handle_endtag(self, tag):
        if tag == "title":
            self._in_title = False

    def handle_data(self, data):
        if self._in_title:
            self.title += data


@pytest.fixture(scope="module")
def pages(site):
    files = [p for p in site.rglob("*.html") if p.relative_to(site).parts[0] not in NOT_PAGES]
    return {path: Page(path) for path in files}


@pytest.fixture(scope="module")
def articles(site, pages):
    """All pages but the redirect at the top."""
    return [page for path, page in pages.items() if path != site / "index.html"]


def in_table_of_contents(node):
    for key, value in node.items():
        if key in {"file", "root"}:
            yield value
        elif isinstance(value, list):
            for child in value:
                yield from in_table_of_contents(child)


def test_table_of_contents_and_folders_agree():
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    sources = [*(ROOT / "book").rglob("*.md"), *(ROOT / "notebooks").glob("*.ipynb")]
    written = sorted(str(path.relative_to(ROOT).with_suffix("")) for path in sources)
    assert sorted(in_table_of_contents(contents)) == written


def test_every_internal_link_leads_somewhere(pages):
    broken = []
    for path, page in pages.items():
        for address in page.links + page.loaded:
            parts = urlsplit(address)
            if parts.scheme or is_elsewhere(address):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                broken.append(f"{path.name}: {address}")
            anchors = pages[target].anchors if target in pages else set()
            if target in pages and parts.fragment and unquote(parts.fragment) not in anchors:
                broken.append(f"{path.name}: {address} (no such anchor)")
    assert broken == []


def test_nothing_is_loaded_from_elsewhere(pages):
    loaded = {address for page in pages.values() for address in page.loaded}
    assert [address for address in loaded if is_elsewhere(address)] == []


@pytest.mark.parametrize("word", ["thebe", "require.min.js", "embed-amd"])
def test_no_page_carries_live_code_machinery(articles, word):
    assert [page.path.name for page in articles if word in page.text.lower()] == []


def test_every_image_has_an_alternative_text(articles):
    without = [
        f"{page.path.name}: {source}"
        for page in articles
        for source, alt in page.images
        if not (alt or "").strip()
    ]
    assert without == []


def test_every_page_has_a_language_a_title_and_one_heading(articles):
    for page in articles:
        assert page.lang == "en-GB", page.path
        assert page.title.strip(), page.path
        assert page.headings == 1, page.path


def test_every_page_describes_itself_to_link_previews(site, articles):
    for page in articles:
        assert 20 <= len(page.meta["description"]) <= 160, page.path
        assert page.meta["og:title"], page.path
        assert page.meta["og:description"] == page.meta["description"], page.path
        assert page.meta["og:image"].startswith("https://"), page.path
        assert (site / urlsplit(page.meta["og:image"]).path.split("/", 2)[2]).is_file(), page.path


def test_descriptions_of_written_pages_differ(site, articles):
    written = [page for page in articles if page.path.parent != site]
    descriptions = [page.meta["description"] for page in written]
    assert len(set(descriptions)) == len(descriptions)


def test_first_address_leads_to_the_welcome_page(site, pages):
    front = pages[site / "index.html"]
    assert front.lang == "en-GB"
    assert front.links == ["book/welcome.html"]


def test_chapters_launch_where_the_repository_lives(site, pages):
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    repository = urlsplit(config["repository"]["url"]).path.strip("/")
    chapters = sorted((site / "notebooks").glob("*.html"))
    assert chapters
    for chapter in chapters:
        links = "\n".join(pages[chapter].links)
        notebook = f"notebooks/{chapter.stem}.ipynb"
        assert f"https://mybinder.org/v2/gh/{repository}/main?urlpath=lab/tree/{notebook}" in links
        assert (
            f"https://colab.research.google.com/github/{repository}/blob/main/{notebook}" in links
        )


def test_every_work_that_a_docstring_cites_is_in_the_references():
    entries = parse_file(ROOT / "book" / "references.bib").entries.values()
    listed = {
        (str(author.rich_last_names[0]), entry.fields["year"])
        for entry in entries
        for author in entry.persons["author"]
    }
    citation = re.compile(r"([A-Z][\w-]+)(?: et al\.| & [A-Z][\w-]+),? \(?((?:19|20)\d\d)")
    cited = {
        match.groups()
        for path in (ROOT / "tutorial_vae").rglob("*.py")
        for match in citation.finditer(path.read_text(encoding="utf-8"))
    }
    assert cited
    assert sorted(cited - listed) == []


def test_social_card_and_icons_are_fit_to_publish():
    card = ASSETS / "social_card.png"
    assert card.stat().st_size < 200_000
    with Image.open(card) as image:
        assert image.size == (1200, 630)
    with Image.open(ASSETS / "favicon.ico") as image:
        assert image.info["sizes"] == {(16, 16), (32, 32), (48, 48)}


def test_colours_of_the_pages_are_those_of_the_figures():
    style = (ASSETS / "style.css").read_text(encoding="utf-8")
    notation = (ROOT / "book" / "notation.md").read_text(encoding="utf-8")
    for name, colour in COLOURS.items():
        assert re.search(rf"--tv-{name}: {colour};", style, re.IGNORECASE), name
        assert colour.lower() in notation.lower(), name


def test_solutions_are_neither_pages_nor_sources_of_the_site(site):
    chapters = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
    solutions = sorted((ROOT / "notebooks" / "solutions").glob("*.ipynb"))
    assert {path.name for path in solutions} <= {path.name for path in chapters}
    given_away = []
    for solution in solutions:
        # As much of a solution as no page without it would have: its functions' bodies.
        cells = nbformat.read(solution, as_version=4).cells
        code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
        bodies = re.findall(r"(?m)^    return (.{12,})$", code)
        assert bodies
        # A later chapter may build on what an earlier one let the reader find.
        upto = [path.stem for path in chapters if path.stem <= solution.stem]
        texts = [
            path.read_text(encoding="utf-8")
            for stem in upto
            for folder in ("notebooks", "_sources/notebooks")
            for path in (site / folder).glob(f"{stem}.*")
        ]
        assert len(texts) >= 2 * len(upto)
        given_away += [body for body in bodies if any(body in text for text in texts)]
    assert given_away == []
    assert not [path for path in site.rglob("*") if "solutions" in path.parts]
    assert (
        "solutions"
        not in (site / "searchindex.js").read_text(encoding="utf-8").partition("titles")[0]
    )
