"""Detectors: cells and their targets, the loss by hand, training, and what is found."""

import copy
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import tutorial_vae as tv
from tutorial_vae import VAE
from tutorial_vae.adaptation.backbones import Backbone, ConvBackbone, ResNet18Backbone, VAEBackbone
from tutorial_vae.architecture import SuperNetwork
from tutorial_vae.data import ImageSet
from tutorial_vae.data.torchvision_import import import_torchvision
from tutorial_vae.detection import (
    CellPredictions,
    DetectionLoss,
    DetectionTerms,
    Detector,
    detect,
    fit_detector,
    mean_average_precision,
)
from tutorial_vae.detection.images import DetectionSet, pad_objects
from tutorial_vae.detection.objective import assign

NAMES = ("light", "dark")
NONE = (math.nan,) * 4


def squares(n: int = 8, side: int = 48, seed: int = 0) -> DetectionSet:
    """One or two squares on grey ground, each in a half of its own; an image in four is empty."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.full((n, 1, side, side), 110, dtype=torch.uint8)
    images += torch.randint(0, 30, images.shape, generator=generator, dtype=torch.uint8)
    boxes, labels = [], []
    for number, image in enumerate(images):
        edges, classes = [], []
        for half in range(number % 4 if number % 4 < 3 else 1):
            width = int(torch.randint(12, 20, (), generator=generator))
            x = half * side // 2 + int(torch.randint(0, side // 2 - width, (), generator=generator))
            y = int(torch.randint(0, side - width, (), generator=generator))
            label = int(torch.randint(0, 2, (), generator=generator))
            image[:, y : y + width, x : x + width] = (250, 10)[label]
            edges.append([x, y, x + width, y + width])
            classes.append(label)
        boxes.append(torch.tensor(edges, dtype=torch.float32).view(-1, 4))
        labels.append(torch.tensor(classes, dtype=torch.int64))
    return DetectionSet("squares", images, *pad_objects(boxes, labels), class_names=NAMES)


class Coarse(Backbone):
    """Cells of 4 pixels; the feature map is the mean of each cell."""

    def __init__(self, *image_shape: int) -> None:
        super().__init__()
        self.image_shape, self.feature_dim, self.stages = image_shape, image_shape[0], ("pooled",)
        self.scale = nn.Parameter(torch.ones(()))
        self.pooled = nn.AvgPool2d(4)

    def forward(self, x: Tensor) -> Tensor:
        return self.pooled(self.scale * x).mean(dim=(2, 3))


class Fixed(Detector):
    """Says what it is told to, whatever it sees."""

    def __init__(self, image_shape: tuple[int, int, int], logits: Tensor, boxes: Tensor) -> None:
        super().__init__(Coarse(*image_shape), [str(i) for i in range(logits.shape[-1])])
        self.fixed = CellPredictions(logits, boxes)

    def forward(self, x: Tensor) -> CellPredictions:
        return CellPredictions(*(value.expand(len(x), -1, -1) for value in self.fixed))


def conv(side: int = 48) -> Detector:
    torch.manual_seed(0)
    return Detector(ConvBackbone((1, side, side)), NAMES)


def run(detector: Detector, **options: object) -> tv.History:
    settings = {"steps": 3, "batch_size": 4, "device": "cpu", "progress": False} | options
    images = settings.pop("images", None) or squares(side=detector.image_shape[1])
    return fit_detector(detector, images, **settings)


def kept(module: nn.Module) -> dict[str, Tensor]:
    return copy.deepcopy(module.state_dict())


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first | second)


# Cells


def test_cells_lie_row_by_row_around_their_centres() -> None:
    detector = Detector(Coarse(1, 8, 12), NAMES)
    expected = [[2, 2], [6, 2], [10, 2], [2, 6], [6, 6], [10, 6]]
    assert detector.centres.tolist() == expected
    with torch.no_grad():
        nn.init.zeros_(detector.head["sides"].weight)
        detector.head["sides"].bias.copy_(torch.tensor([-50.0, 0.0, 2.0, 1.0]))
    logits, boxes = detector(torch.rand(5, 1, 8, 12))
    assert logits.shape == (5, 6, 2)
    reach = [4 * math.log1p(math.exp(bias)) for bias in (-50, 0, 2, 1)]
    for (x, y), box in zip(expected, boxes[3].tolist(), strict=True):
        wanted = [x - reach[0], y - reach[1], x + reach[2], y + reach[3]]
        assert box == pytest.approx(wanted, rel=1e-5)


def test_cells_need_not_be_square() -> None:
    class Wide(Coarse):
        def __init__(self) -> None:
            super().__init__(1, 8, 8)
            self.pooled = nn.AvgPool2d((2, 8))

    detector = Detector(Wide(), NAMES)
    assert detector.centres.tolist() == [[4, 1], [4, 3], [4, 5], [4, 7]]
    nn.init.zeros_(detector.head["sides"].weight)
    nn.init.zeros_(detector.head["sides"].bias)
    x0, y0, x1, y1 = detector(torch.rand(1, 1, 8, 8)).boxes[0, 0].tolist()
    assert x1 - x0 == pytest.approx(2 * 8 * math.log(2))
    assert y1 - y0 == pytest.approx(2 * 2 * math.log(2))


@pytest.mark.parametrize(
    ("make", "cells"),
    [
        (lambda: ConvBackbone((3, 32, 48)), 24),
        (lambda: VAEBackbone(VAE((1, 32, 32), 3)), 4),
        (lambda: ResNet18Backbone((3, 64, 64)), 4),
        (lambda: SuperNetwork((1, 32, 32)), 16),
    ],
)
def test_every_backbone_gives_cells_and_stays_as_it_was(
    make: Callable[[], Backbone], cells: int
) -> None:
    backbone = make().train()
    before = kept(backbone)
    detector = Detector(backbone, NAMES)
    assert detector.backbone is backbone
    assert same(kept(backbone), before)
    assert all(module.training for module in backbone.modules())
    logits, boxes = detector(torch.rand(2, *backbone.image_shape))
    assert (logits.shape, boxes.shape) == ((2, cells, 2), (2, cells, 4))
    assert not any(module._forward_hooks for module in backbone.modules())


def test_a_fresh_detector_believes_in_nothing() -> None:
    scores = conv()(torch.rand(4, 1, 48, 48)).logits.sigmoid()
    assert scores.min() > 0.002
    assert scores.max() < 0.05


@pytest.mark.parametrize("names", [(), "light"])
def test_class_names_are_a_list(names: object) -> None:
    with pytest.raises(ValueError, match="class_names must be a list"):
        Detector(Coarse(1, 8, 8), names)


# Targets


def test_a_cell_stands_for_the_smallest_object_that_holds_its_centre() -> None:
    centres = Detector(Coarse(1, 8, 8), NAMES).centres
    large, small, between = (0.0, 0.0, 8.0, 7.0), (5.0, 1.0, 8.0, 3.0), (3.0, 3.0, 5.0, 5.0)
    boxes = torch.tensor([[large, small, between, NONE], [NONE] * 4])
    labels, wanted = assign(centres, boxes, torch.tensor([[0, 1, 1, -1], [-1] * 4]))
    assert labels.tolist() == [[0, 1, 0, 0], [-1] * 4]
    assert wanted[0].tolist() == [list(box) for box in (large, small, large, large)]
    assert wanted[1].isnan().all()


def test_a_centre_on_the_edge_is_outside() -> None:
    centres = Detector(Coarse(1, 8, 8), NAMES).centres
    labels, _ = assign(centres, torch.tensor([[[2.0, 0.0, 8.0, 8.0]]]), torch.tensor([[1]]))
    assert labels.tolist() == [[-1, 1, -1, 1]]


# The loss


def test_the_loss_of_two_cells_is_the_one_computed_by_hand() -> None:
    # Two cells, side by side; the first stands for an object of class 1, with a box of 4 × 4, of
    # which the prediction has the left half.
    logits = torch.tensor([[[0.0, math.log(3)], [math.log(1 / 9), 0.0]]])
    boxes = torch.tensor([[[0.0, 0.0, 2.0, 4.0], [3.0, 0.0, 9.0, 4.0]]])
    detector = Fixed((1, 4, 8), logits, boxes)
    terms = DetectionLoss()(
        detector,
        torch.zeros(1, 1, 4, 8),
        torch.tensor([[[0.0, 0.0, 4.0, 4.0], NONE]]),
        torch.tensor([[1, -1]]),
    )
    expected = -(
        0.75 * 0.5**2 * math.log(0.5)
        + 0.25 * 0.25**2 * math.log(0.75)
        + 0.75 * 0.1**2 * math.log(0.9)
        + 0.75 * 0.5**2 * math.log(0.5)
    )
    assert terms.class_loss.item() == pytest.approx(expected, rel=1e-5)
    assert terms.box_loss.item() == pytest.approx(0.5)
    assert terms.objective.item() == pytest.approx(-expected - 0.5, rel=1e-5)


def test_the_loss_is_counted_per_positive_cell_of_the_batch() -> None:
    detector = conv()
    objects = squares(4)
    x = objects.images.float() / 255
    loss = DetectionLoss()
    logits, predicted = detector(x)
    labels, wanted = assign(detector.centres, objects.boxes, objects.labels)
    positive = labels >= 0
    ops = import_torchvision().ops
    there = nn.functional.one_hot(labels + 1, 3)[..., 1:].float()
    terms = loss(detector, x, objects.boxes, objects.labels)
    focal = ops.sigmoid_focal_loss(logits, there, reduction="sum") / positive.sum()
    boxes = ops.generalized_box_iou_loss(predicted[positive], wanted[positive], reduction="mean")
    torch.testing.assert_close(terms.class_loss, focal)
    torch.testing.assert_close(terms.box_loss, boxes)


def test_focus_zero_is_cross_entropy() -> None:
    logits = torch.randn(1, 4, 3, generator=torch.Generator().manual_seed(0))
    detector = Fixed((1, 8, 8), logits, torch.zeros(1, 4, 4))
    boxes, labels = torch.tensor([[[0.0, 0.0, 4.0, 4.0]]]), torch.tensor([[2]])
    there = torch.zeros(1, 4, 3)
    there[0, 0, 2] = 1
    loss = DetectionLoss(share=0.5, focus=0.0)
    terms = loss(detector, torch.zeros(1, 1, 8, 8), boxes, labels)
    expected = nn.functional.binary_cross_entropy_with_logits(logits, there, reduction="sum") / 2
    torch.testing.assert_close(terms.class_loss, expected)


def test_padded_rows_change_neither_loss_nor_gradient() -> None:
    objects = squares(4)
    x = objects.images.float() / 255
    gradients = []
    for extra in (0, 5):
        detector = conv().eval()
        boxes = torch.cat([objects.boxes, torch.full((4, extra, 4), math.nan)], dim=1)
        labels = torch.cat([objects.labels, torch.full((4, extra), -1)], dim=1)
        terms = DetectionLoss()(detector, x, boxes, labels)
        (-terms.objective).backward()
        gradients.append([terms.objective] + [value.grad for value in detector.parameters()])
    torch.testing.assert_close(*gradients, rtol=0, atol=0)
    assert all(value.isfinite().all() for value in gradients[0])


def test_a_batch_without_objects_has_a_finite_loss_without_boxes() -> None:
    detector = conv()
    x = torch.rand(2, 1, 48, 48)
    terms = DetectionLoss()(detector, x, torch.full((2, 3, 4), math.nan), torch.full((2, 3), -1))
    assert terms.box_loss == 0
    assert terms.class_loss > 0
    terms.objective.backward()
    assert all(value.grad.isfinite().all() for value in detector.parameters())


def test_extreme_logits_have_finite_losses_and_gradients() -> None:
    logits = torch.tensor([[[200.0, -200.0], [-200.0, 200.0]]], requires_grad=True)
    detector = Fixed((1, 4, 8), logits, torch.zeros(1, 2, 4))
    boxes, labels = torch.tensor([[[0.0, 0.0, 4.0, 4.0]]]), torch.tensor([[0]])
    terms = DetectionLoss(focus=0.5)(detector, torch.zeros(1, 1, 4, 8), boxes, labels)
    terms.class_loss.backward()
    assert terms.class_loss.item() == pytest.approx(0.75 * 200)
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize(
    ("options", "name"), [({"share": 1.5}, "share"), ({"focus": -1.0}, "focus")]
)
def test_settings_of_the_loss_are_checked(options: dict[str, float], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        DetectionLoss(**options)


# Training


@pytest.fixture(scope="module")
def trained() -> Detector:
    detector = conv()
    history = run(detector, steps=75, batch_size=8, lr=3e-3)
    assert history.step == [25, 50, 75]
    assert history.objective[-1] > history.objective[0]
    total = history.class_loss[0] + history.box_loss[0]
    assert history.objective[0] == pytest.approx(-total, rel=1e-5)
    return detector


@pytest.mark.slow
def test_a_detector_learns_a_few_squares(trained: Detector) -> None:
    objects = squares()
    assert mean_average_precision(detect(conv(), objects), objects).map50 < 0.1
    precision = mean_average_precision(detect(trained, objects), objects)
    assert precision.map50 > 0.95
    assert precision.map > 0.6


def test_training_resumes_to_the_same_numbers(tmp_path: Path) -> None:
    whole, parts = conv(), conv()
    expected = run(whole, steps=50, checkpoint=tmp_path / "whole")
    run(parts, steps=25, checkpoint=tmp_path / "parts")
    resumed = conv()
    history = run(resumed, steps=50, checkpoint=tmp_path / "parts")
    assert same(kept(resumed), kept(whole))
    assert history.step == expected.step == [25, 50]
    assert history.objective == expected.objective
    assert history.box_loss == expected.box_loss


def test_a_checkpoint_belongs_to_its_loss_and_its_detector(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    run(conv(), checkpoint=path)
    with pytest.raises(ValueError, match="its objective is"):
        run(conv(), checkpoint=path, objective=DetectionLoss(focus=1.0))
    other = Detector(Coarse(1, 48, 48), NAMES)
    with pytest.raises(ValueError, match="its model is"):
        run(other, checkpoint=path)


def test_a_frozen_backbone_stands_still() -> None:
    detector = conv()
    detector.backbone.requires_grad_(False)
    before, head = kept(detector.backbone), kept(detector.head)
    run(detector)
    assert same(kept(detector.backbone), before)
    assert not any(torch.equal(head[name], value) for name, value in kept(detector.head).items())


def test_mode_and_random_state_are_as_before() -> None:
    detector = conv().eval()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    run(detector, precision="bf16")
    assert torch.equal(torch.rand(3), expected)
    assert not any(module.training for module in detector.modules())


def test_a_loss_of_ones_own_is_used() -> None:
    class Heavy(DetectionLoss):
        def forward(self, detector, x, boxes, labels):
            _, class_loss, box_loss = super().forward(detector, x, boxes, labels)
            return DetectionTerms(-(class_loss + 3 * box_loss), class_loss, box_loss)

    history = run(conv(), objective=Heavy(), steps=1)
    expected = -(history.class_loss[0] + 3 * history.box_loss[0])
    assert history.objective[0] == pytest.approx(expected, rel=1e-5)


def test_what_does_not_suit_is_refused() -> None:
    objects = squares(4)
    with pytest.raises(TypeError, match="images"):
        run(conv(), images=ImageSet("plain", objects.images))
    with pytest.raises(TypeError, match="objective"):
        run(conv(), objective="focal")
    with pytest.raises(ValueError, match=r"images must have the shape \(n, 1, 64, 64\)"):
        run(conv(64), images=objects)
    with pytest.raises(ValueError, match=r"the detector finds \('circle',\)"):
        run(Detector(Coarse(1, 48, 48), ["circle"]), images=objects)
    with pytest.raises(ValueError, match=r"images \(squares\) hold no object"):
        run(conv(), images=objects[:1])


# Finding


def test_detections_are_the_best_cells_padded_and_cut_at_the_border() -> None:
    logits = torch.full((1, 4, 2), -9.0)
    logits[0, 0, 1], logits[0, 1, 1], logits[0, 3, 0], logits[0, 2, 0] = 2.0, 1.0, 3.0, -2.0
    boxes = torch.tensor([[-3.0, -1, 6, 4], [0, 0, 6, 4], [0, 4, 4, 8], [4, 4, 12, 9]])[None]
    detector = Fixed((1, 8, 8), logits, boxes)
    found = detect(detector, torch.zeros(3, 1, 8, 8), threshold=0.5, most=4, batch_size=2)
    assert len(found) == 3
    # The second cell found what the first one has found better.
    assert found.labels.tolist() == [[0, 1, -1, -1]] * 3
    assert found.boxes[2, :2].tolist() == [[4, 4, 8, 8], [0, 0, 6, 4]]
    assert found.boxes[:, 2:].isnan().all()
    assert found.scores[:, 2:].isnan().all()
    expected = torch.tensor([3.0, 2.0]).sigmoid()
    torch.testing.assert_close(found.scores[1, :2], expected)

    all_cells = detect(detector, torch.zeros(1, 1, 8, 8), threshold=0.05, overlap=1.0, most=9)
    assert all_cells.labels[0].tolist() == [0, 1, 1, 0, -1, -1, -1, -1, -1]
    assert detect(detector, torch.zeros(1, 1, 8, 8), most=1).labels.tolist() == [[0]]


def test_one_cell_may_find_two_classes() -> None:
    detector = Fixed((1, 4, 4), torch.tensor([[[1.0, 2.0]]]), torch.tensor([[[0.0, 0, 3, 3]]]))
    found = detect(detector, torch.zeros(1, 1, 4, 4), most=3)
    assert found.labels.tolist() == [[1, 0, -1]]


def test_every_form_of_images_gives_the_same(trained: Detector) -> None:
    objects = squares(5)
    trained.train()
    first = detect(trained, objects)
    assert trained.training
    for images in (ImageSet("plain", objects.images), objects.images, objects.images / 255):
        again = detect(trained, images, batch_size=2)
        torch.testing.assert_close(again.boxes, first.boxes, equal_nan=True)
        assert torch.equal(again.labels, first.labels)


def test_numbers_and_images_are_checked() -> None:
    detector, images = conv(), squares(2)
    for name, value in (("threshold", 1.5), ("overlap", -0.1), ("most", 0), ("batch_size", 0)):
        with pytest.raises(ValueError, match=name):
            detect(detector, images, **{name: value})
    with pytest.raises(ValueError, match=r"images must have the shape \(n, 1, 48, 48\)"):
        detect(detector, torch.zeros(1, 1, 8, 8))
