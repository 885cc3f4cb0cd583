"""Move the project to another address, wherever the address has to appear.

    python book/tools/rehome.py https://github.com/OWNER/NAME

The address stands in one place, ``repository.url`` of _config.yml; this command changes it there
and in the files that cannot read it from there. ``make rehome REPO=…`` calls it.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ADDRESS = re.compile(
    r"https://github\.com/[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?/[A-Za-z0-9._-]+"
)
SOURCE = "_config.yml"
KEPT = re.compile(r"^ +url: *(\S+) *$", re.MULTILINE)


def current(root: Path = ROOT) -> str:
    """Return the project's address, as _config.yml has it."""
    match = KEPT.search((root / SOURCE).read_text(encoding="utf-8"))
    if match is None:
        raise ValueError(f"{SOURCE} has no repository url")
    return match[1]


def places(root: Path = ROOT) -> list[Path]:
    """Return the files that repeat the address because they cannot look it up."""
    names = [SOURCE, "CITATION.cff", "pyproject.toml", "README.md"]
    found = [root / name for name in names if (root / name).exists()]
    return found + sorted((root / "notebooks").rglob("*.ipynb"))


def slug(address: str) -> str:
    """Return ``owner/name``, the form in which Binder and Colab links hold an address."""
    return address.removeprefix("https://github.com/")


def rehome(address: str, root: Path = ROOT) -> list[Path]:
    """Write the new address over the old one, and return the files that changed.

    Raises:
        ValueError: ``address`` is not of the form https://github.com/owner/name.
    """
    address = address.removesuffix("/").removesuffix(".git")
    if not ADDRESS.fullmatch(address):
        raise ValueError(
            f"REPO must look like https://github.com/owner/name, not {address!r}: for example "
            "make rehome REPO=https://github.com/ada/course"
        )
    old = current(root)
    whole = re.compile(rf"{re.escape(slug(old))}(?![A-Za-z0-9_-])")
    changed = []
    for path in places(root):
        before = path.read_text(encoding="utf-8")
        after = whole.sub(slug(address), before)
        if after != before:
            path.write_text(after, encoding="utf-8")
            changed.append(path)
    return changed


def main() -> None:
    """Rehome to the address on the command line and say which files changed."""
    try:
        changed = rehome(sys.argv[1] if len(sys.argv) > 1 else "")
    except ValueError as error:
        sys.exit(str(error))
    for path in changed:
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
