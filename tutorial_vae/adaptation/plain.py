"""The plain ways: nothing beside the likelihood of the labels."""

from .method import Method


class FineTuning(Method):
    """Plain fine-tuning: train the backbone and the head alike, on labels of the target."""


class SourceOnly(Method):
    """No adaptation: the likelihood of the source's labels.

    Images of the target pass through the classifier nonetheless, as under every method of
    :func:`adapt`, and batch normalisation takes its statistics from both domains.
    """
