"""Boxes: overlaps in closed form, and which of many boxes stay."""

import pytest
import torch
from torch import Tensor

from tutorial_vae.data.torchvision_import import import_torchvision
from tutorial_vae.detection import generalised_iou, non_maximum_suppression, pairwise_iou


def random_boxes(n: int, seed: int) -> Tensor:
    corners = 40 * torch.rand(2, n, 2, generator=torch.Generator().manual_seed(seed))
    return torch.cat([corners.amin(dim=0), corners.amax(dim=0) + 0.5], dim=1)


@pytest.mark.parametrize(
    ("second", "iou", "generalised"),
    [
        ((0.0, 0.0, 4.0, 2.0), 1.0, 1.0),
        # Half of each is shared: 4 of 12, in a box of 12.
        ((2.0, 0.0, 6.0, 2.0), 1 / 3, 1 / 3),
        # They touch at a corner: nothing of 16, in a box of 32.
        ((4.0, 2.0, 8.0, 4.0), 0.0, -16 / 32),
        # Apart: nothing of 8 + 1, in a box of 10 × 2.
        ((9.0, 0.0, 10.0, 1.0), 0.0, -11 / 20),
        # One inside the other: 1 of 8, in a box of 8.
        ((1.0, 1.0, 2.0, 2.0), 1 / 8, 1 / 8),
        # Crossing: 1 × 2 of 8 + 6 - 2, in a box of 4 × 6.
        ((1.0, -2.0, 2.0, 4.0), 2 / 12, 2 / 12 - 12 / 24),
    ],
)
def test_overlaps_have_their_closed_forms(
    second: tuple[float, ...], iou: float, generalised: float
) -> None:
    first, other = torch.tensor([[0.0, 0.0, 4.0, 2.0]]), torch.tensor([second])
    for a, b in ((first, other), (other, first)):
        assert pairwise_iou(a, b).item() == pytest.approx(iou)
        assert generalised_iou(a, b).item() == pytest.approx(generalised)


def test_overlaps_are_those_of_torchvision() -> None:
    ops = import_torchvision().ops
    first, second = random_boxes(30, 0), random_boxes(20, 1)
    assert torch.equal(pairwise_iou(first, second), ops.box_iou(first, second))
    every = ops.generalized_box_iou(first[:20], second)
    torch.testing.assert_close(generalised_iou(first[:20], second), every.diagonal())


def test_the_gradient_of_generalised_iou_draws_separate_boxes_together() -> None:
    first = torch.tensor([[0.0, 0.0, 2.0, 2.0]], requires_grad=True)
    generalised_iou(first, torch.tensor([[5.0, 0.0, 7.0, 2.0]])).sum().backward()
    assert first.grad[0, 2] > 0


def test_empty_boxes_have_no_overlap_and_finite_gradients() -> None:
    empty = torch.full((1, 4), 3.0, requires_grad=True)
    assert pairwise_iou(empty, empty).item() == 0
    value = generalised_iou(empty, empty)
    value.sum().backward()
    assert value.item() == 0
    assert empty.grad.isfinite().all()


def test_the_best_box_removes_its_rivals_and_a_removed_one_none() -> None:
    # Each overlaps the next by 9 of 11, 0.82, and the one after by 8 of 12, 0.67.
    boxes = torch.tensor([[x, 0.0, x + 10.0, 1.0] for x in (0.0, 1.0, 2.0, 50.0)])
    scores, same = torch.tensor([0.9, 0.8, 0.7, 0.95]), torch.zeros(4, dtype=torch.long)
    assert non_maximum_suppression(boxes, scores, same, overlap=0.5).tolist() == [3, 0]
    assert non_maximum_suppression(boxes, scores, same, overlap=0.7).tolist() == [3, 0, 2]
    assert non_maximum_suppression(boxes, scores, same, overlap=0.9).tolist() == [3, 0, 1, 2]


def test_boxes_of_other_classes_are_no_rivals() -> None:
    boxes = torch.tensor([[0.0, 0.0, 5.0, 5.0]]).repeat(4, 1)
    scores, labels = torch.tensor([0.2, 0.9, 0.3, 0.9]), torch.tensor([0, 1, 0, 1])
    assert non_maximum_suppression(boxes, scores, labels).tolist() == [1, 2]


def test_no_boxes_leave_none() -> None:
    kept = non_maximum_suppression(torch.empty(0, 4), torch.empty(0), torch.empty(0).long())
    assert kept.tolist() == []


def candidates() -> tuple[Tensor, Tensor, Tensor]:
    scores = torch.rand(60, generator=torch.Generator().manual_seed(3))
    return random_boxes(60, 2), scores, torch.arange(60) % 3


@pytest.mark.parametrize("overlap", [0.1, 0.5])
def test_suppression_is_the_plain_greedy_one(overlap: float) -> None:
    boxes, scores, labels = candidates()
    iou = pairwise_iou(boxes, boxes)
    expected: list[int] = []
    for i in sorted(range(60), key=lambda i: -scores[i].item()):
        if all(labels[i] != labels[k] or iou[i, k] <= overlap for k in expected):
            expected.append(i)
    kept = non_maximum_suppression(boxes, scores, labels, overlap=overlap)
    assert len(kept) < 60
    assert kept.tolist() == expected


def test_suppression_is_that_of_torchvision() -> None:
    boxes, scores, labels = candidates()
    try:
        expected = import_torchvision().ops.batched_nms(boxes, scores, labels, 0.5)
    except (NotImplementedError, RuntimeError):
        pytest.skip("torchvision's operators do not fit this torch")
    assert non_maximum_suppression(boxes, scores, labels).tolist() == expected.tolist()
