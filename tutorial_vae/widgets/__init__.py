"""Explorers: figures with controls that work in notebooks and on pages without a kernel."""

from .bound_explorer import BoundExplorer, BoundParts, ScalarModel
from .divergence_explorer import DivergenceExplorer
from .genericity_explorer import GenericityExplorer
from .gradient_explorer import GradientExplorer
from .html import Section
from .latent_plane_explorer import LatentPlane, LatentPlaneExplorer, decode_plane
from .layer_explorer import LayerExplorer
from .settling_explorer import SettlingExplorer

__all__ = [
    "BoundExplorer",
    "BoundParts",
    "DivergenceExplorer",
    "GenericityExplorer",
    "GradientExplorer",
    "LatentPlane",
    "LatentPlaneExplorer",
    "LayerExplorer",
    "ScalarModel",
    "Section",
    "SettlingExplorer",
    "decode_plane",
]
