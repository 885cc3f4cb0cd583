"""Classifiers: a head on a backbone, and what they are asked."""

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

import tutorial_vae as tv
from tutorial_vae.adaptation.backbones import Backbone, ConvBackbone
from tutorial_vae.adaptation.classifiers import Classifier, accuracy, labelled, predict
from tutorial_vae.data import ImageSet


class _MeanBrightness(Backbone):
    """One feature: how bright an image is."""

    image_shape = (1, 4, 4)
    feature_dim = 1
    stages = ()

    def forward(
        self, x: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch features"]:
        return x.mean(dim=(1, 2, 3))[:, None]


def _bright_is_one(n: int = 10) -> ImageSet:
    labels = torch.arange(n) % 2
    images = (labels * 200 + 20).to(torch.uint8).view(-1, 1, 1, 1).expand(n, 1, 4, 4).clone()
    return ImageSet("brightness", images, labels, class_names=("dark", "bright"))


def _threshold() -> Classifier:
    classifier = Classifier(_MeanBrightness(), 2)
    with torch.no_grad():
        classifier.head.weight.copy_(torch.tensor([[0.0], [10.0]]))
        classifier.head.bias.copy_(torch.tensor([0.0, -5.0]))
    return classifier


def test_logits_are_the_head_of_the_features() -> None:
    classifier, x = _threshold(), torch.rand(3, 1, 4, 4)
    assert torch.equal(classifier.features(x), x.mean(dim=(1, 2, 3))[:, None])
    expected = 10 * x.mean(dim=(1, 2, 3)) - 5
    torch.testing.assert_close(classifier(x)[:, 1], expected)


def test_accuracy_counts_right_answers() -> None:
    images = _bright_is_one()
    assert accuracy(_threshold(), images) == 1.0
    assert images.labels is not None
    flipped = ImageSet("flipped", images.images, 1 - images.labels, class_names=images.class_names)
    assert accuracy(_threshold(), flipped) == 0.0


def test_predictions_do_not_depend_on_the_batch_size_nor_move_batch_statistics() -> None:
    torch.manual_seed(0)
    classifier = Classifier(ConvBackbone((1, 16, 16)), 3).train()
    before = {name: value.clone() for name, value in classifier.state_dict().items()}
    images = torch.rand(11, 1, 16, 16)
    together = predict(classifier, images)
    torch.testing.assert_close(predict(classifier, images, batch_size=2), together)
    assert classifier.training
    assert all(torch.equal(before[n], value) for n, value in classifier.state_dict().items())


@pytest.mark.parametrize("classes", [1, 0, True])
def test_a_classifier_needs_two_classes(classes: int) -> None:
    with pytest.raises(ValueError, match="classes must be a whole number of at least 2"):
        Classifier(_MeanBrightness(), classes)


def test_images_that_do_not_suit_are_refused() -> None:
    classifier, good = _threshold(), _bright_is_one()
    with pytest.raises(ValueError, match="have no labels"):
        labelled(ImageSet("plain", good.images), classifier)
    with pytest.raises(
        ValueError, match=r"\(n, 1, 4, 4\) that the classifier reads, not \(2, 1, 5, 5\)"
    ):
        predict(classifier, torch.rand(2, 1, 5, 5))
    many = ImageSet("three", good.images, torch.full((10,), 2), class_names=("a", "b", "c"))
    with pytest.raises(ValueError, match="labels up to 2, but the classifier knows 2 classes"):
        labelled(many, classifier)


def test_pictures_of_a_named_set_go_in_as_they_are() -> None:
    digits = tv.load_images("digits", limit=20)
    torch.manual_seed(0)
    classifier = Classifier(ConvBackbone(digits.image_shape), len(digits.class_names))
    assert predict(classifier, digits).shape == (20, 10)
