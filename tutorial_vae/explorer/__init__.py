"""What every explorer is made of: a figure with controls that works without a kernel.

An explorer is a Python file, a module of JavaScript and a style sheet of the same name, which lie
together. Its arrays travel in its state; its module imports what it needs from the modules here.
"""

from .explorer import Explorer
from .front_end import script, style
from .html import Section

__all__ = ["Explorer", "Section", "script", "style"]
