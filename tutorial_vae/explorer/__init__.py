"""What every explorer is made of: a figure with controls that works without a kernel.

An explorer is a Python file, a module of JavaScript and a style sheet of the same name, which lie
together. Its arrays travel in its state; its module imports what it needs from the modules here.
"""

from .choices import Choice, ChoiceExplorer, Range
from .explorer import Explorer
from .front_end import script, style
from .html import Section
from .packing import frame_of, pack, pack_pictures, pack_rows, unpack

__all__ = [
    "Choice",
    "ChoiceExplorer",
    "Explorer",
    "Range",
    "Section",
    "frame_of",
    "pack",
    "pack_pictures",
    "pack_rows",
    "script",
    "style",
    "unpack",
]
