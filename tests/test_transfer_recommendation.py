"""The words of a card: each rule on numbers whose answer is plain."""

import math

from tutorial_vae.estimates import Estimate
from tutorial_vae.transfer import PLANS
from tutorial_vae.transfer.recommendation import Evidence, Reliability, recommend


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
    assert answers() == ("all", "likely", "likely")


def test_everything_clearly_below_its_controls():
    below = Estimate.around(-0.3, 0.1)
    found = answers(gain=below, encoder_lead=below, leads=leads(-0.2))
    assert found == ("cannot tell", "cannot tell", "unlikely")


def test_either_sign_is_enough_for_reconstruction():
    below = Estimate.around(-0.3, 0.1)
    assert answers(gain=below)[:2] == ("all", "likely")
    assert answers(encoder_lead=below)[:2] == ("all", "likely")


def test_an_interval_over_the_line_is_no_answer():
    over = Estimate.around(0.01, 0.1)
    found = answers(gain=over, encoder_lead=over, leads=leads(0.01))
    assert found == ("cannot tell",) * 3


def test_the_best_control_decides_about_classification():
    beaten = evidence().leads | {"raw pixels": Estimate.around(-0.2, 0.05)}
    assert answers(leads=beaten)[2] == "unlikely"


def test_without_labels_of_two_classes_classification_cannot_be_told():
    for classes, words in ((0, "no labels"), (1, "of one class")):
        advice = recommend(evidence(classes=classes, leads={}), reliability={})
        assert advice.classification.answer == "cannot tell"
        assert words in str(advice.classification)
        assert (advice.plan.answer, advice.reconstruction.answer) == ("all", "likely")


def test_too_few_images_answer_nothing():
    assert answers(images=49) == ("cannot tell",) * 3
    assert "There are 49 images, and 50 are needed." in str(
        recommend(evidence(images=49), reliability={})
    )


def test_with_few_images_nothing_is_said_about_retraining():
    assert answers(images=299) == ("cannot tell", "cannot tell", "likely")
    assert answers(images=300) == ("all", "likely", "likely")


def test_too_few_images_of_a_class_say_nothing_about_classes():
    plan, reconstruction, classification = answers(images=400, classes=136)
    assert (plan, reconstruction, classification) == ("all", "likely", "cannot tell")
    assert "2.9 images of each class" in str(
        recommend(evidence(images=400, classes=136), reliability={})
    )


def test_numbers_that_are_not_defined_answer_nothing():
    undefined = Estimate(math.nan, math.nan, math.nan)
    assert answers(gain=undefined)[:2] == ("cannot tell",) * 2
    assert answers(gain=Estimate.around(0.0, 0.1), encoder_lead=undefined)[1] == "cannot tell"
    collapsed = recommend(evidence(encoder_lead=undefined), reliability={})
    assert collapsed.reconstruction.answer == "likely"
    assert "does not tell these images apart" in str(collapsed.reconstruction)
    assert "nan" not in str(collapsed)


def test_the_words_hold_the_numbers_that_they_rest_on():
    advice = recommend(evidence(gain=Estimate.around(-0.3, 0.1)), reliability={})
    assert "200 held-out images is 130 % (95 % interval 120 to 140 %)" in str(advice)
    assert "+10 points (+5 to +15) between them and raw pixels" in str(advice.classification)
    assert PLANS["all"].summary in str(advice.plan)
    assert "+0.20 (+0.15 to +0.25)" in str(advice.reconstruction)


def test_images_of_the_other_polarity_are_recognised():
    worse = Estimate.around(-3.0, 0.1)
    advice = recommend(
        evidence(gain=worse, inverted_gain=Estimate.around(0.4, 0.1)), reliability={}
    )
    assert "exchanged it would be 60 % (95 % interval 50 to 70 %)" in str(advice.reconstruction)
    assert "exchanged" not in str(
        recommend(evidence(gain=worse, inverted_gain=worse), reliability={})
    )


def test_reliability_is_told_where_it_was_measured_and_only_there():
    known = {("reconstruction", "likely"): Reliability(9, 12, 4, 1000)}
    advice = recommend(evidence(), reliability=known)
    assert "with 1,000 images each" in advice.reconstruction.reliability
    assert "right on 9 of 12 cards, of 4 pairs" in advice.reconstruction.reliability
    assert advice.plan.reliability.endswith("has not been measured.")
    assert recommend(evidence(classes=0), reliability={}).classification.reliability == ""
