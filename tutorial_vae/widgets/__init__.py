"""Explorers: figures with controls that work in notebooks and on pages without a kernel."""

from .bound_explorer import BoundExplorer, BoundParts, ScalarModel
from .divergence_explorer import DivergenceExplorer
from .gradient_explorer import GradientExplorer
from .html import Section
from .latent_plane_explorer import LatentPlane, LatentPlaneExplorer, decode_plane
from .layer_explorer import LayerExplorer

__all__ = [
    "BoundExplorer",
    "BoundParts",
    "DivergenceExplorer",
    "GradientExplorer",
    "LatentPlane",
    "LatentPlaneExplorer",
    "LayerExplorer",
    "ScalarModel",
    "Section",
    "decode_plane",
]
