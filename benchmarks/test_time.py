"""How long ``make test`` takes now, and how long it took at an earlier commit, on this machine.

    make bench SINCE=<commit>

Both are checked out afresh beside each other and set up first; what is timed is the second step.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


def seconds(commit: str, folder: Path) -> float:
    """Check a commit out into FOLDER, set it up, and return what ``make test`` takes there."""
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--detach", str(folder), commit], check=True)
    try:
        subprocess.run(["make", ".venv/.ready"], cwd=folder, check=True)
        started = time.perf_counter()
        subprocess.run(["make", "test"], cwd=folder, check=False)
        return time.perf_counter() - started
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def main() -> None:
    """Time the commit of the command line and this one, and print both and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        before = seconds(sys.argv[1], Path(folder) / "before")
        now = seconds("HEAD", Path(folder) / "now")
    print(f"make test: {before:.0f} s at {sys.argv[1]}, {now:.0f} s now, {now / before:.2f} ×")


if __name__ == "__main__":
    main()
