"""Mean average precision: its ends, values computed by hand, and what padding must not change."""

import sys

import pytest
import torch
from torch import Tensor

from tutorial_vae.detection import Detections, Precision, mean_average_precision
from tutorial_vae.detection.images import DetectionSet, pad_objects

Object = tuple[float, float, float, float, int]
Found = tuple[float, float, float, float, int, float]


def padded(rows: list[list[Object]]) -> tuple[Tensor, Tensor]:
    boxes = [torch.tensor([row[:4] for row in image]).float().view(-1, 4) for image in rows]
    return pad_objects(boxes, [torch.tensor([row[4] for row in image]).long() for image in rows])


def truth(*rows: list[Object]) -> DetectionSet:
    images = torch.zeros(len(rows), 1, 64, 64, dtype=torch.uint8)
    return DetectionSet("hand-made", images, *padded(list(rows)), class_names=("a", "b", "c"))


def found(*rows: list[Found]) -> Detections:
    boxes, labels = padded([[row[:5] for row in image] for image in rows])
    scores = torch.full(labels.shape, torch.nan)
    for image, row in (labels >= 0).nonzero().tolist():
        scores[image, row] = rows[image][row][5]
    return Detections(boxes, scores, labels)


TRUTH = truth([(0, 0, 10, 10, 0), (20, 20, 50, 40, 1), (30, 0, 40, 10, 0)], [], [(5, 5, 60, 60, 1)])
PERFECT = Detections(TRUTH.boxes, torch.where(TRUTH.labels >= 0, 0.7, torch.nan), TRUTH.labels)
# Two objects of class a. The best detection is right, the second wrong, the third overlaps its
# object by 90 of 110.
TWO = truth([(0, 0, 10, 10, 0), (20, 0, 30, 10, 0)])
THREE_FOUND = [(0, 0, 10, 10, 0, 0.9), (50, 50, 60, 60, 0, 0.8), (21, 0, 31, 10, 0, 0.7)]


def test_perfect_detections_score_one() -> None:
    assert mean_average_precision(PERFECT, TRUTH) == Precision(pytest.approx(1), pytest.approx(1))


def test_no_detections_score_nothing() -> None:
    assert mean_average_precision(found([], [], []), TRUTH) == (0, 0)


def test_right_boxes_with_wrong_classes_score_nothing() -> None:
    wrong = torch.where(TRUTH.labels >= 0, 1 - TRUTH.labels, -1)
    assert mean_average_precision(Detections(PERFECT.boxes, PERFECT.scores, wrong), TRUTH) == (0, 0)


def test_the_value_of_three_detections_of_two_objects() -> None:
    # Precision is 1 up to half of the objects (51 of the 101 points), and 2/3 up to all of them
    # for the seven bounds 0.5, 0.55, ..., 0.8 under which the third is right.
    at_half = (51 + 50 * 2 / 3) / 101
    expected = (7 * at_half + 3 * 51 / 101) / 10
    value = mean_average_precision(found(THREE_FOUND), TWO)
    assert value.map50 == pytest.approx(at_half)
    assert value.map == pytest.approx(expected)


def test_an_object_is_found_once() -> None:
    twice = [(0, 0, 10, 10, 0, 0.9), (0, 0, 10, 10, 0, 0.8), (20, 0, 30, 10, 0, 0.7)]
    expected = (51 + 50 * 2 / 3) / 101
    assert mean_average_precision(found(twice), TWO).map50 == pytest.approx(expected)


def test_the_mean_is_over_the_classes_that_the_truth_holds() -> None:
    # Nothing of class b is found; class c is nowhere, and what is taken for it costs nothing.
    both = truth([(0, 0, 10, 10, 0)], [(0, 0, 10, 10, 1)])
    value = mean_average_precision(found([(0, 0, 10, 10, 0, 0.5)], [(0, 0, 9, 9, 2, 0.9)]), both)
    assert value == (pytest.approx(0.5), pytest.approx(0.5))


def test_padding_changes_nothing() -> None:
    expected = mean_average_precision(found(THREE_FOUND), TWO)
    wide = Detections(
        torch.full((1, 9, 4), torch.nan), torch.full((1, 9), torch.nan), torch.full((1, 9), -1)
    )
    few = found(THREE_FOUND)
    for target, source in zip(vars(wide).values(), vars(few).values(), strict=True):
        target[:, [1, 4, 8]] = source
    assert mean_average_precision(wide, TWO) == expected


def test_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    mean_average_precision(PERFECT, TRUTH)
    assert capsys.readouterr() == ("", "")


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(ValueError, match="detections are of 2 images and truth of 3"):
        mean_average_precision(found([], []), TRUTH)
    with pytest.raises(ValueError, match="labels up to 3, but truth names 3 classes"):
        mean_average_precision(found([(0, 0, 1, 1, 3, 0.5)], [], []), TRUTH)
    with pytest.raises(ValueError, match=r"truth \(hand-made\) holds no object"):
        mean_average_precision(found([]), truth([]))


def test_a_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycocotools.coco", None)
    with pytest.raises(ImportError, match=r"pip install 'tutorial-vae\[detection\]'"):
        mean_average_precision(PERFECT, TRUTH)
