"""What all tests share: how they are spread over the cores, and their common fixtures."""

import csv
import os
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from jaxtyping import install_import_hook

# The models here are small, and as many processes as cores work on them: threads would cost more in
# waiting for each other than they bring. Kernels and commands that tests start inherit this.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

ROOT = Path(__file__).parents[1]
HOST_SCRIPT = ROOT / "book" / "assets" / "explorers.js"

# The shapes in the signatures are checked while the tests run, and only then.
install_import_hook(["tutorial_vae", "tutorial_vae_book"], "beartype.beartype")

SITE = "site"
# Seconds, about: what a test of a kind takes, for the order of files when several processes share
# the work.
SECONDS_OF_THE_SITE = 150
SECONDS_OF_A_SLOW_TEST = 6
SECONDS_OF_A_TEST = 0.1


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the files that take longest; one process runs all of a file."""
    for item in items:
        if SITE in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
    with (ROOT / "book" / "run_times.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    seconds = Counter({f"notebooks/{row['chapter']}": float(row["seconds"]) for row in rows})
    seconds[SITE] = SECONDS_OF_THE_SITE
    for item in items:
        slow = item.get_closest_marker("slow")
        seconds[_group(item)] += SECONDS_OF_A_SLOW_TEST if slow else SECONDS_OF_A_TEST
    items.sort(key=lambda item: (-seconds[_group(item)], _group(item)))


def _group(item: pytest.Item) -> str:
    if SITE in getattr(item, "fixturenames", ()):
        return SITE
    return "/".join(item.path.with_suffix("").parts[-2:])


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A headless Chromium; skips where it is missing, unless REQUIRE_CHROMIUM is set."""
    from playwright.sync_api import sync_playwright

    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        reason = "Chromium is not installed"
        if os.environ.get("REQUIRE_CHROMIUM"):
            pytest.fail(f"{reason}, and REQUIRE_CHROMIUM is set")
        pytest.skip(reason)
    options = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=options)
        yield browser
        browser.close()


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def serve() -> Iterator[Callable[[Path], str]]:
    """A function that serves a folder on this machine and returns its address."""
    with ExitStack() as running:

        def start(folder: Path) -> str:
            handler = partial(_QuietHandler, directory=str(folder))
            server = running.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), handler))
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            running.callback(thread.join)
            running.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_address[1]}"

        yield start


@pytest.fixture
def guarded_page(chromium: Any) -> Iterator[Callable[..., tuple[Any, list[str]]]]:
    """A function that opens a page which reaches this machine alone, and lists its complaints.

    These are messages of errors and requests elsewhere. It takes the options of a context.
    """
    with ExitStack() as opened:

        def start(**options: Any) -> tuple[Any, list[str]]:
            context = chromium.new_context(**options)
            opened.callback(context.close)
            complaints: list[str] = []

            def guard(route: Any) -> None:
                url = route.request.url
                if url.startswith(("http://127.0.0.1:", "file://", "data:", "blob:")):
                    route.continue_()
                else:
                    complaints.append(f"request to {url}")
                    route.abort()

            def hear(message: Any) -> None:
                if message.type == "error":
                    complaints.append(message.text)

            context.route("**/*", guard)
            page = context.new_page()
            page.on("console", hear)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            return page, complaints

        yield start


@pytest.fixture
def page(guarded_page: Callable[..., tuple[Any, list[str]]]) -> Iterator[Any]:
    """A page that fails its test on any message of an error and any request elsewhere."""
    page, complaints = guarded_page(viewport={"width": 1000, "height": 900})
    page.set_default_timeout(10_000)
    yield page
    page.close()
    assert not complaints


@pytest.fixture
def book_page(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a page as the book has them, with the script that hosts explorers."""

    def write(body: str, *, head: str = "", scripts: int = 1) -> Path:
        shutil.copy(HOST_SCRIPT, tmp_path / "explorers.js")
        host = '<script src="explorers.js"></script>' * scripts
        (tmp_path / "index.html").write_text(
            '<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
            f"<title>page</title>{head}{host}</head>"
            f"<body><p>before</p>{body}<p>after</p></body></html>",
            encoding="utf-8",
        )
        return tmp_path

    return write


@pytest.fixture
def open_explorer(
    page: Any, serve: Callable[[Path], str], book_page: Callable[..., Path]
) -> Callable[..., Any]:
    """A function that shows an explorer on a page of the book and returns the page."""

    def show(explorer: Any) -> Any:
        page.goto(serve(book_page(explorer.to_fragment())))
        page.locator(".tvae-explorer [role=status]").wait_for(state="attached")
        return page

    return show


@pytest.fixture
def opened(open_explorer: Callable[..., Any], explorer: Any) -> Any:
    """A page with the explorer that the fixture of a test file makes."""
    return open_explorer(explorer)


@pytest.fixture
def reading() -> Callable[[Any], str]:
    """A function that returns what the explorer of a page reads out."""
    return lambda page: page.locator("p[role=status][aria-live=polite]").inner_text()


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the site, built afresh as `make book` builds it, warnings being errors."""
    command = Path(sys.executable).with_name("jupyter-book")
    if not command.exists():
        pytest.skip("jupyter-book is not installed; install the package with the extra [book]")
    build = [str(command), "build", ".", "--all", "-W", "-n", "--keep-going", "--quiet"]
    result = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode:
        pytest.fail(f"the site does not build without warnings:\n{result.stdout}{result.stderr}")
    return ROOT / "_build" / "html"
