"""The book's own code: exercises, experiments, measured tables and the explorers of chapters.

>>> import tutorial_vae_book as book
>>> book.check("quick-tour-1", my_function)
>>> book.load_table("transfer")

What a chapter offers is found in its folder and loaded on first use.
"""

from typing import Any

import lazy_loader

_own, _own_names, __all__ = lazy_loader.attach(
    __name__,
    submodules=["exercises", "experiments", "results"],
    submod_attrs={
        "exercises": ["EXERCISES", "Exercise", "Verdict", "check"],
        "experiments": ["EXPERIMENTS", "run_experiment"],
        "ranking": ["chosen_settings", "mean_over_groups", "rank_agreement", "regret"],
        "results": ["Summary", "load_provenance", "load_table", "pivot", "summarise"],
    },
)


def __getattr__(name: str) -> Any:
    """Return what this package or one of its chapters offers."""
    from .chapters import chapters

    if name.startswith("__") or name in __all__:
        return _own(name)
    for chapter in chapters():
        if name in getattr(chapter, "__all__", ()):
            return getattr(chapter, name)
    return _own(name)


def __dir__() -> list[str]:
    """Return the names of all that this package and its chapters offer."""
    from .chapters import chapters

    return [*_own_names(), *(name for each in chapters() for name in getattr(each, "__all__", ()))]
