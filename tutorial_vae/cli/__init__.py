"""The command ``tutorial-vae``: one verb per job."""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points

from .. import __version__
from . import assess, compare, data, train, transfer

# What a user can mend. Anything else is a fault of ours and keeps its traceback.
_USER_MISTAKES = (ValueError, FileNotFoundError, IsADirectoryError, PermissionError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: words after the command's name; those of the process when not given.

    Returns:
        The exit code: 0; 1 where runs of an experiment failed; 2 for a mistake of the user's, which
        one line on stderr explains.
    """
    options = _parser().parse_args(arguments)
    from ..training import DivergenceError

    try:
        return options.run(options) or 0
    except (*_USER_MISTAKES, DivergenceError) as error:
        print(f"tutorial-vae: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("tutorial-vae: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tutorial-vae",
        description="Train variational autoencoders and compare what they have learnt.",
    )
    parser.add_argument("--version", action="version", version=f"tutorial-vae {__version__}")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for verb in (data, train, compare, assess, transfer):
        verb.add(verbs)
    # Other packages add verbs of their own, as the book does.
    for entry in entry_points(group="tutorial_vae.verbs"):
        entry.load()(verbs)
    return parser
