"""Named sets of images, and your own, as uint8 tensors with labels or boxes.

>>> from tutorial_vae.data import load_images
>>> digits = load_images("digits", "test", limit=100)
"""

from .catalogue import CATALOGUE, DataSetInfo
from .coco import load_coco
from .detection import DetectionSet
from .imageset import ImageSet
from .loading import load_images
from .scenes import render_scenes
from .torchvision_sets import download

__all__ = [
    "CATALOGUE",
    "DataSetInfo",
    "DetectionSet",
    "ImageSet",
    "download",
    "load_coco",
    "load_images",
    "render_scenes",
]
