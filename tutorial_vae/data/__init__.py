"""Named sets of images, and your own, as uint8 tensors with labels.

>>> from tutorial_vae.data import load_images
>>> digits = load_images("digits", "test", limit=100)
"""

from .catalogue import CATALOGUE, DataSetInfo
from .imageset import ImageSet
from .loading import load_images
from .torchvision_sets import download

__all__ = [
    "CATALOGUE",
    "DataSetInfo",
    "ImageSet",
    "download",
    "load_images",
]
