"""What every explorer can do besides being shown in a notebook."""

from collections.abc import Sequence
from os import PathLike

import anywidget

from .html import Section, fragment, write_page


class Explorer(anywidget.AnyWidget):
    """A figure with controls, whose arrays travel in its state, so that it needs no kernel."""

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
