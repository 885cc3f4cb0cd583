"""Architecture and weights together: one super-network for the source, two searches on the target.

A super-network is a backbone that is trained once, each step on one random path, and of which every
path is then a small network with weights to inherit:

>>> supernet = SuperNetwork(source.image_shape)
>>> classifier = Classifier(supernet, classes)
>>> fine_tune(classifier, source, method=RandomPaths())
>>> def score(path):
...     with supernet.following(path):
...         return accuracy(classifier, validation)
>>> found = evolutionary_search(score, supernet.space, budget=20)
>>> small = supernet.extract(found.best)

Reference: Sun, Dou & Yan 2020, who published no code: what is here is a small reading of it.
"""

from .blocks import CANDIDATES, MORE_CANDIDATES, Candidate
from .cost import front, multiply_adds
from .encoder import StagedVAE
from .network import BlockPath, PathBackbone, StagedBackbone, SuperNetwork
from .random_paths import RandomPathObjective, RandomPaths
from .search import (
    Configuration,
    SearchResult,
    evolutionary_search,
    exhaustive_search,
    random_search,
)
from .weights import WeightSources

__all__ = [
    "CANDIDATES",
    "MORE_CANDIDATES",
    "BlockPath",
    "Candidate",
    "Configuration",
    "PathBackbone",
    "RandomPathObjective",
    "RandomPaths",
    "SearchResult",
    "StagedBackbone",
    "StagedVAE",
    "SuperNetwork",
    "WeightSources",
    "evolutionary_search",
    "exhaustive_search",
    "front",
    "multiply_adds",
    "random_search",
]
