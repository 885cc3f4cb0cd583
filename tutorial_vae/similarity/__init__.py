r"""How alike two representations of the same images are: HSIC, CKA, and all pairs of layers.

A representation enters only through its gram matrix, one number for each pair of images. HSIC is
the inner product of two centred grams, CKA is their cosine. These ten lines are all of linear CKA,
debiased, of features (n, p) and (n, q):

>>> def centred(gram):
...     n = len(gram)
...     gram = gram - gram.diag().diag()
...     rows = gram.sum(dim=0) / (n - 2)
...     gram = gram - rows - rows[:, None] + gram.sum() / ((n - 1) * (n - 2))
...     return gram - gram.diag().diag()
>>> def plain_cka(x, y):
...     k, l = centred(x @ x.T), centred(y @ y.T)
...     return (k * l).sum() / (k.norm() * l.norm())

What else is in this folder makes them fast, exact for sets that do not fit into memory, and loud
where they are not defined.
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
