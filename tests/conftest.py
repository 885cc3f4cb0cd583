"""Fixtures that several test files share."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch

# The models here are small: threads would cost more in waiting for each other than they bring.
torch.set_num_threads(1)


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


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the site, built afresh as `make book` builds it, warnings being errors."""
    root = Path(__file__).parents[1]
    command = Path(sys.executable).with_name("jupyter-book")
    if not command.exists():
        pytest.skip("jupyter-book is not installed; install the package with the extra [book]")
    build = [str(command), "build", ".", "--all", "-W", "-n", "--keep-going", "--quiet"]
    result = subprocess.run(build, cwd=root, capture_output=True, text=True, check=False)
    if result.returncode:
        pytest.fail(f"the site does not build without warnings:\n{result.stdout}{result.stderr}")
    return root / "_build" / "html"
