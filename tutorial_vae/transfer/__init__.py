"""What carries over from one set of images to another, and what to train anew."""

from .stitching import StitchResult, stitch

__all__ = ["StitchResult", "stitch"]
