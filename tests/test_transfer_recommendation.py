"""The words of a card: each rule on numbers whose answer is plain."""

import math

import pytest

from tutorial_vae.transfer import PLANS
from tutorial_vae.transfer.recommendation import (
    Estimate,
    Evidence,
    Reliability,
    measured_reliability,
    recommend,
)


def evidence(**changes):
    numbers = {
        "images": 1000,
        "held_out": 200,
        "classes": 10,
        "gain": Estimate.around(0.4, 0.1),
        "inverted_gain": Estimate.around(-0.4, 0.1),
        "encoder_lead": Estimate.around(0.2, 0.05),
        "leads": {
            "an untrained network's": Estimate.around(0.3, 0.05),
            "PCA": Estimate.around(0.2, 0.05),
            "raw pixels": Estimate.around(0.1, 0.05),
        },
    }
    return Evidence(**(numbers | changes))


def answers(**changes):
    advice = recommend(evidence(**changes), reliability={})
    return advice.plan.answer, advice.reconstruction.answer, advice.classification.answer


def leads(lowest, reach=0.05, others=0.3):
    return {"PCA": Estimate.around(lowest, reach), "raw pixels": Estimate.around(others, reach)}


def test_everything_clearly_above_its_controls():
    assert answers() == ("decoder", "likely", "likely")


def test_everything_clearly_below_its_controls():
    below = Estimate.around(-0.3, 0.1)
    found = answers(gain=below, encoder_lead=below, leads=leads(-0.2))
    assert found == ("scratch", "unlikely", "unlikely")


def test_a_useful_encoder_and_a_useless_decoder_may_go_either_way():
    below = Estimate.around(-0.3, 0.1)
    assert answers(gain=below)[1] == "cannot tell"
    assert answers(encoder_lead=below)[1] == "cannot tell"


def test_an_interval_over_the_line_is_no_answer():
    over = Estimate.around(0.01, 0.1)
    assert answers(gain=over, leads=leads(0.01)) == ("all", "cannot tell", "cannot tell")


def test_pixels_count_for_classification_but_not_for_the_plan():
    beaten = evidence().leads | {"raw pixels": Estimate.around(-0.2, 0.05)}
    assert answers(leads=beaten) == ("decoder", "likely", "unlikely")


def test_the_encoder_is_kept_only_when_both_signs_agree():
    assert answers(encoder_lead=Estimate.around(0.0, 0.1))[0] == "all"
    assert answers(leads=leads(-0.1))[0] == "all"


def test_without_labels_of_two_classes_classification_cannot_be_told():
    for classes, words in ((0, "no labels"), (1, "of one class")):
        advice = recommend(evidence(classes=classes, leads={}), reliability={})
        assert advice.classification.answer == "cannot tell"
        assert words in str(advice.classification)
        assert (advice.plan.answer, advice.reconstruction.answer) == ("all", "likely")


def test_too_few_images_answer_nothing():
    assert answers(images=49) == ("cannot tell",) * 3
    assert "There are 49 images, and 50 are needed." in str(recommend(evidence(images=49)))


def test_too_few_images_of_a_class_say_nothing_about_classes():
    plan, reconstruction, classification = answers(images=400, classes=136)
    assert (plan, reconstruction, classification) == ("all", "likely", "cannot tell")
    assert "2.9 images of each class" in str(recommend(evidence(images=400, classes=136)))


def test_numbers_that_are_not_defined_answer_nothing():
    undefined = Estimate(math.nan, math.nan, math.nan)
    assert answers(gain=undefined)[1] == "cannot tell"
    assert answers(encoder_lead=undefined)[0] == "cannot tell"


def test_the_words_hold_the_numbers_that_they_rest_on():
    advice = recommend(evidence(gain=Estimate.around(-0.3, 0.1)), reliability={})
    assert "200 held-out images is 130 % (95 % interval 120 to 140 %)" in str(advice)
    assert "+10 points (+5 to +15) between them and raw pixels" in str(advice.classification)
    assert PLANS["decoder"].summary in str(advice.plan)
    assert "+0.20 (+0.15 to +0.25)" in str(advice.plan)


def test_images_of_the_other_polarity_are_recognised():
    worse = Estimate.around(-3.0, 0.1)
    advice = recommend(evidence(gain=worse, inverted_gain=Estimate.around(0.4, 0.1)))
    assert "exchanged it would be 60 % (95 % interval 50 to 70 %)" in str(advice.reconstruction)
    assert "exchanged" not in str(recommend(evidence(gain=worse, inverted_gain=worse)))


def test_reliability_is_told_where_it_was_measured_and_only_there():
    known = {("reconstruction", "likely"): Reliability(9, 12)}
    advice = recommend(evidence(), reliability=known)
    assert "right in 9 of 12 pairs" in advice.reconstruction.reliability
    assert advice.plan.reliability.endswith("has not been measured.")
    assert recommend(evidence(classes=0), reliability={}).classification.reliability == ""


def test_reliability_is_read_from_the_table_when_there_is_one(tmp_path, monkeypatch):
    from tutorial_vae import results

    monkeypatch.setattr(results, "FOLDER", tmp_path)
    assert measured_reliability() == {}
    (tmp_path / "transfer_card.csv").write_text(
        "question,answer,measure,value\nplan,all,right,5.0\nplan,all,pairs,8.0\n", encoding="utf-8"
    )
    assert measured_reliability() == {("plan", "all"): Reliability(right=5, pairs=8)}


@pytest.mark.parametrize("value", [-1.0, 0.0, 2.5])
def test_an_estimate_lies_in_the_middle_of_its_interval(value):
    assert Estimate.around(value, 0.5) == (value, value - 0.5, value + 0.5)
