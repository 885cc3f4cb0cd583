"""What is lent comes back as it was, part by part."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import tutorial_vae as tv
from tutorial_vae.adaptation import DOMAIN_ADAPTATION, FINE_TUNING, adapt, fine_tune
from tutorial_vae.adaptation.backbones import ConvBackbone
from tutorial_vae.adaptation.classifiers import Classifier, accuracy, predict
from tutorial_vae.adaptation.pretraining import contrast
from tutorial_vae.architecture import multiply_adds
from tutorial_vae.detection import DetectionSet, Detector, detect, fit_detector
from tutorial_vae.devices import device_of, evaluation_mode, lent

SHAPE = (1, 16, 16)
CLASSES = ("a", "b")


def nested() -> nn.Sequential:
    inner = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5), nn.BatchNorm1d(2))
    return nn.Sequential(inner, nn.Dropout(0.1), nn.BatchNorm1d(2, affine=False), nn.Linear(2, 1))


def modes(module: nn.Module) -> dict[str, bool]:
    return {name: part.training for name, part in module.named_modules()}


@pytest.mark.parametrize("odd", ["", "0", "0.1", "0.2", "1", "2", "3"])
@pytest.mark.parametrize("root", [True, False])
def test_every_part_has_its_own_mode_again(odd: str, root: bool) -> None:
    model = nested().train(root)
    part = model.get_submodule(odd)
    part.training = not part.training
    before = modes(model)
    with evaluation_mode(model, "cpu") as device:
        assert device == torch.device("cpu")
        assert not any(modes(model).values())
    assert modes(model) == before
    with lent(model):
        assert modes(model) == before
        model.train()
    assert modes(model) == before


def test_it_comes_back_after_a_failure_too() -> None:
    model = nested()
    model[0].eval()
    before = modes(model)
    with pytest.raises(RuntimeError, match="broken"), evaluation_mode(model):
        raise RuntimeError("broken")
    assert modes(model) == before


def test_the_device_is_its_own_again() -> None:
    model = nn.Linear(2, 1)
    with lent(model, "meta") as device:
        assert device.type == model.weight.device.type == "meta"
        model.to_empty(device="cpu")
    assert device_of(model).type == "cpu"
    assert device_of(nn.ReLU()) == torch.device("cpu")
    with (
        pytest.raises(ValueError, match="device 'abacus' cannot be used here"),
        lent(model, "abacus"),
    ):
        pass


def images() -> tv.ImageSet:
    x = torch.rand(8, *SHAPE, generator=torch.Generator().manual_seed(0))
    return tv.ImageSet(
        "own", (x * 255).to(torch.uint8), labels=torch.arange(8) % 2, class_names=CLASSES
    )


def scenes() -> DetectionSet:
    boxes = torch.tensor([2.0, 2.0, 12.0, 12.0]).repeat(8, 1, 1)
    return DetectionSet(
        "own", images().images, boxes, torch.zeros(8, 1, dtype=torch.int64), CLASSES
    )


class Dropping(ConvBackbone):
    """A backbone with batch normalisation and dropout, side by side and one in the other."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        super().__init__(SHAPE)
        self.stage2.append(nn.Sequential(nn.Dropout(0.5), nn.BatchNorm2d(64, affine=False)))


OPTIONS: dict[str, Any] = {"steps": 2, "batch_size": 4, "device": "cpu", "progress": False}
CLASSIFIER_USES: dict[str, Callable[[Classifier], object]] = {
    "predict": lambda c: predict(c, images()),
    "accuracy": lambda c: accuracy(c, images()),
    "multiply_adds": lambda c: multiply_adds(c, SHAPE),
    "compare_layers": lambda c: tv.compare_layers(c, c, images(), device="cpu"),
    "contrast": lambda c: contrast(c.backbone, images(), **OPTIONS),
    "Detector": lambda c: Detector(c.backbone, CLASSES),
} | {
    name: lambda c, name=name: fine_tune(c, images(), method=FINE_TUNING[name](), **OPTIONS)
    for name in FINE_TUNING
} | {
    name: lambda c, name=name: adapt(
        c, images(), images(), method=DOMAIN_ADAPTATION[name].made_for(c), **OPTIONS
    )
    for name in DOMAIN_ADAPTATION
}  # fmt: skip


def still(network: Classifier | Detector) -> dict[str, bool]:
    """Put some parts of a network that trains into evaluation mode, and return all modes."""
    network.train()
    for name in ("stage1", "stage2.4.0", "stage3.1"):
        network.backbone.get_submodule(name).eval()
    return modes(network)


@pytest.mark.parametrize("use", CLASSIFIER_USES)
def test_whoever_borrows_a_classifier_keeps_the_mode_of_each_part(use: str) -> None:
    classifier = Classifier(Dropping(), 2)
    before = still(classifier)
    CLASSIFIER_USES[use](classifier)
    assert modes(classifier) == before


@pytest.mark.parametrize(
    "use",
    [lambda d: detect(d, images()), lambda d: fit_detector(d, scenes(), **OPTIONS)],
    ids=["detect", "fit_detector"],
)
def test_whoever_borrows_a_detector_does_so_too(use: Callable[[Detector], object]) -> None:
    detector = Detector(Dropping(), CLASSES)
    before = still(detector)
    use(detector)
    assert modes(detector) == before


def test_a_frozen_backbone_in_evaluation_mode_stands_still_in_training_and_after_it() -> None:
    classifier = Classifier(Dropping(), 2).train()
    classifier.backbone.requires_grad_(False).eval()
    before = {name: value.clone() for name, value in classifier.backbone.state_dict().items()}
    fine_tune(classifier, images(), **OPTIONS)
    classifier(images().images / 255)  # the owner's own next step
    for name, value in classifier.backbone.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_a_vae_and_its_objective_come_back_from_training_part_by_part() -> None:
    model, objective = tv.VAE(SHAPE, 2, architecture="mlp"), tv.FactorVAE(2, gamma=1.0, hidden=4)
    model.decoder.eval()
    objective.discriminator.eval()
    before = modes(model), modes(objective)
    tv.fit(model, images(), objective=objective, **OPTIONS)
    tv.evaluate(model, images(), device="cpu")
    assert (modes(model), modes(objective)) == before
