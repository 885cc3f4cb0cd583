r"""How alike two representations of the same images are: HSIC, CKA, and all pairs of layers.

A representation enters only through its gram matrix, one number for each pair of images. HSIC is
the inner product of two centred grams, CKA is their cosine.
"""

from .alignment import cka, hsic
from .comparison import compare_layers
from .kernels import RBF, ConstantLayerWarning
from .layers import LayerSimilarity
from .maps import layer_profiles, similarity_map
from .pooling import pool

__all__ = [
    "RBF",
    "ConstantLayerWarning",
    "LayerSimilarity",
    "cka",
    "compare_layers",
    "hsic",
    "layer_profiles",
    "pool",
    "similarity_map",
]
