"""Explorers: figures with controls that work in notebooks and on pages without a kernel."""

from .alignment_explorer import AlignmentExplorer
from .bound_explorer import BoundExplorer, BoundParts, ScalarModel
from .card_explorer import CardExplorer
from .divergence_explorer import DivergenceExplorer
from .field_explorer import FieldExplorer
from .gallery_explorer import EvidenceMark, GalleryCard, GalleryExplorer, GalleryQuestion
from .genericity_explorer import GenericityExplorer
from .gradient_explorer import GradientExplorer
from .html import Section
from .latent_plane_explorer import LatentPlane, LatentPlaneExplorer, decode_plane
from .layer_explorer import LayerExplorer
from .method_explorer import MethodExplorer
from .path_explorer import PathExplorer
from .plan_explorer import PlanExplorer
from .settling_explorer import SettlingExplorer
from .training_explorer import TrainingExplorer, TrainingRun
from .traversal_explorer import TraversalExplorer, with_rounded_decoder
from .uses_explorer import (
    Compression,
    Detection,
    Generation,
    Grouping,
    LabelCurves,
    UsesExplorer,
)

__all__ = [
    "AlignmentExplorer",
    "BoundExplorer",
    "BoundParts",
    "CardExplorer",
    "Compression",
    "Detection",
    "DivergenceExplorer",
    "EvidenceMark",
    "FieldExplorer",
    "GalleryCard",
    "GalleryExplorer",
    "GalleryQuestion",
    "Generation",
    "GenericityExplorer",
    "GradientExplorer",
    "Grouping",
    "LabelCurves",
    "LatentPlane",
    "LatentPlaneExplorer",
    "LayerExplorer",
    "MethodExplorer",
    "PathExplorer",
    "PlanExplorer",
    "ScalarModel",
    "Section",
    "SettlingExplorer",
    "TrainingExplorer",
    "TrainingRun",
    "TraversalExplorer",
    "UsesExplorer",
    "decode_plane",
    "with_rounded_decoder",
]
