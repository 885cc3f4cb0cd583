"""Explorers: figures with controls that work in notebooks and on pages without a kernel."""

from .html import Section
from .layer_explorer import LayerExplorer

__all__ = ["LayerExplorer", "Section"]
