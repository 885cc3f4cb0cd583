#!/usr/bin/env bash
# beartype 0.23.1 refuses a function that is annotated with a generic named tuple, at decoration.
#
# Python has allowed `class Pair(NamedTuple, Generic[T])` since 3.11, and type checkers take it. Seen
# with beartype 0.23.1 on Python 3.11: decorating a function that returns `Pair[float]`, or takes a
# plain `Pair`, raises BeartypeDecorHintPepUnsupportedException with "unsupported but erroneously
# detected as supported under beartype sign HintSign('NamedTuple')"; a named tuple that is not
# generic passes. So a package whose shapes are checked by jaxtyping with beartype cannot have one
# type for "a number or an array, with its interval" that says which of the two: in this project the
# fields of `tutorial_vae.estimates.Estimate` are `Any`.
#
# Needs Python 3.11 or newer. Fails when the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment
environment/bin/python -m pip install --quiet --disable-pip-version-check beartype==0.23.1

cat > ask.py <<'PYTHON'
from typing import Generic, NamedTuple, TypeVar

from beartype import beartype

T = TypeVar("T")


class Plain(NamedTuple):
    value: float


class Pair(NamedTuple, Generic[T]):
    value: T


def plain(x: Plain) -> float:
    return x.value


def takes(x: Pair) -> float:
    return 1.0


def returns() -> Pair[float]:
    return Pair(1.0)


assert Pair(1.0).value == 1.0  # Python itself takes it
for function in (plain, takes, returns):
    try:
        beartype(function)
        print(function.__name__, "decorated")
    except Exception as error:
        print(function.__name__, "refused:", type(error).__name__)
PYTHON
output=$(environment/bin/python ask.py)
echo "$output"
expected="plain decorated
takes refused: BeartypeDecorHintPepUnsupportedException
returns refused: BeartypeDecorHintPepUnsupportedException"
[[ $output == "$expected" ]] || { echo "CHANGED: beartype has another opinion" >&2; exit 1; }
