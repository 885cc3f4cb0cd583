"""What every explorer can do besides being shown in a notebook."""

from collections.abc import Iterable, Sequence
from os import PathLike
from typing import Any

import anywidget
import traitlets

from .html import Section, fragment, write_page


class Explorer(anywidget.AnyWidget):
    """A figure with controls, whose arrays travel in its state, so that it needs no kernel."""

    data = traitlets.Dict().tag(sync=True)

    def __repr__(self) -> str:
        """A text without a memory address, since it is stored in notebooks."""
        return f"{type(self).__name__}({self._summary()})"

    def _summary(self) -> str:
        """What is shown, in a few words."""
        raise NotImplementedError

    def _one_of(self, choices: Iterable[Any], proposal: Any) -> Any:
        """Return what a trait is to be set to, which must be one of the choices."""
        name, value, known = proposal["trait"].name, proposal["value"], list(choices)
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(map(str, known))}, got {value!r}")
        return value

    def _between(self, low: int | float, high: int | float, proposal: Any) -> Any:
        """Return what a trait is to be set to, which must be from LOW to HIGH."""
        name, value = proposal["trait"].name, proposal["value"]
        if not low <= value <= high:
            raise ValueError(f"{name} must be from {low:g} to {high:g}, got {value!r}")
        return value

    def to_fragment(self) -> str:
        """HTML that shows this explorer on a page of the book, for a raw block of its source.

        Returns:
            The state and the view in the form in which notebooks store them. The same explorer
            always gives the same text.
        """
        return fragment(self)

    def to_html(
        self,
        path: str | PathLike[str],
        *,
        title: str,
        introduction: str = "",
        sections: Sequence[Section] = (),
    ) -> None:
        """Write one self-contained page with this explorer, which opens without a network.

        Args:
            path: the file to write; an existing one is replaced when the new one is complete.
            title: the heading of the page.
            introduction: plain text above the explorer; an empty line starts a new paragraph.
            sections: what follows the explorer, each a heading with plain text, a picture or both.

        Raises:
            FileNotFoundError: the folder of `path` does not exist.
            ValueError: a picture is not PNG, or has no alternative text.
        """
        write_page(self, path, title=title, introduction=introduction, sections=sections)
