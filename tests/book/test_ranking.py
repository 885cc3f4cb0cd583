"""How scores are judged, on rankings whose answer is plain."""

import math

import numpy as np
import pytest

from tutorial_vae_book.ranking import (
    chosen_settings,
    mean_over_groups,
    rank_agreement,
    regret,
)

NONE = math.nan


def test_the_same_order_agrees_and_the_reverse_disagrees_whatever_the_units():
    gains = np.array([[-900.0, -3.0, 0.0, 40.0], [0.1, 0.4, 0.2, 0.3]])
    np.testing.assert_allclose(rank_agreement(np.exp(gains / 900), gains), 1)
    np.testing.assert_allclose(rank_agreement(-gains, gains), -1)


def test_a_hand_counted_order():
    # Of the six pairs only the third and the fourth source stand the wrong way round: (5 - 1) / 6.
    found = rank_agreement(np.array([1.0, 2.0, 3.0, 4.0]), np.array([10.0, 20.0, 40.0, 30.0]))
    assert found == pytest.approx(2 / 3)


def test_a_hand_counted_order_with_a_tie():
    # Five of six pairs differ in the score and six in the gain; all five agree.
    found = rank_agreement(np.array([1.0, 2.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0, 4.0]))
    assert found == pytest.approx(5 / math.sqrt(5 * 6))


def test_a_score_that_finds_all_sources_equal_ranks_nothing():
    assert rank_agreement(np.full(4, 10.0), np.arange(4.0)) == 0


def test_groups_stay_apart_and_missing_sources_are_left_out():
    # Taken together, the second group's higher numbers on both sides would look like agreement.
    scores = np.array([[[3.0, 2.0, 1.0, NONE]], [[13.0, NONE, 12.0, 11.0]]])
    gains = np.array([[[1.0, 2.0, 3.0, 4.0]], [[101.0, 100.0, 102.0, 103.0]]])
    np.testing.assert_allclose(rank_agreement(scores, gains), [[-1], [-1]])
    np.testing.assert_allclose(regret(scores, gains), [[2], [2]])


def test_chance_is_zero():
    random = np.random.default_rng(0)
    found = rank_agreement(random.normal(size=(400, 6)), random.normal(size=(400, 6)))
    assert abs(found.mean()) < 0.06


def test_regret_is_what_the_best_source_has_over_the_chosen_one():
    scores = np.array([[1.0, 3.0, 2.0], [1.0, 2.0, 3.0], [5.0, 5.0, 1.0]])
    gains = np.array([[7.0, 4.0, 9.0], [-3.0, -2.0, -1.0], [0.0, 6.0, 8.0]])
    # In the last group the two with the highest score are as good as drawn from.
    np.testing.assert_allclose(regret(scores, gains), [5, 0, 5])
    assert (regret(scores, np.random.default_rng(0).normal(size=(3, 3))) >= 0).all()


def test_the_interval_is_that_of_student():
    mean, low, high = mean_over_groups(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
    assert mean == 3.5
    # 2.5706 is the quantile in printed tables for five degrees of freedom.
    reach = 2.5706 * math.sqrt(3.5 / 6)
    assert (mean - low, high - mean) == pytest.approx((reach, reach), rel=1e-4)
    narrower = mean_over_groups(np.arange(6.0), level=0.5)
    assert narrower.high - narrower.low < high - low


def test_the_interval_holds_as_often_as_it_says():
    random = np.random.default_rng(0)
    estimates = [mean_over_groups(random.normal(size=6)) for _ in range(2000)]
    covered = np.mean([low <= 0 <= high for _, low, high in estimates])
    assert covered == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("function", [rank_agreement, regret])
def test_what_cannot_be_ranked_is_named(function):
    with pytest.raises(ValueError, match=r"one shape, but theirs are \(3,\) and \(4,\)"):
        function(np.ones(3), np.ones(4))
    with pytest.raises(ValueError, match="at least 2 sources"):
        function(np.array([[1.0, 2.0], [1.0, NONE]]), np.ones((2, 2)))


def test_what_has_no_interval_is_named():
    with pytest.raises(ValueError, match="at least 2 finite numbers"):
        mean_over_groups(np.array([1.0]))
    with pytest.raises(ValueError, match="at least 2 finite numbers"):
        mean_over_groups(np.array([1.0, NONE]))
    with pytest.raises(ValueError, match="level must be between 0 and 1, not 95"):
        mean_over_groups(np.ones(3), level=95.0)


def adapted(settings, method="dan", fraction=0.0):
    """Rows of two seeds, from an accuracy for each setting and task."""
    return [
        {
            "task": task,
            "method": method,
            "fraction": fraction,
            "setting": setting,
            "seed": float(seed),
            "measure": "accuracy",
            "value": value + error,
        }
        for setting, tasks in settings.items()
        for task, value in tasks.items()
        for seed, error in enumerate((-0.1, 0.1))
    ]


SETTINGS = {"weak": {"a": 0.1, "b": 0.6, "c": 0.6}, "strong": {"a": 0.9, "b": 0.5, "c": 0.5}}


def test_a_setting_is_chosen_by_the_other_tasks():
    # The strong one is far better on the first task, which therefore has to do with the weak one.
    chosen = chosen_settings(adapted(SETTINGS))
    assert chosen == {("a", "dan"): "weak", ("b", "dan"): "strong", ("c", "dan"): "strong"}


def test_a_task_has_no_say_in_its_own_setting_nor_have_other_rows():
    boosted = {"weak": SETTINGS["weak"], "strong": SETTINGS["strong"] | {"a": 1.0}}
    rows = adapted(boosted) + adapted({"tuned": {"a": 1.0}}, fraction=5.0)
    rows += [row | {"measure": "source_accuracy", "value": 9.0} for row in adapted(SETTINGS)]
    assert chosen_settings(rows)["a", "dan"] == "weak"
    assert {method for _, method in chosen_settings(rows)} == {"dan"}


def test_the_first_of_equal_settings_is_chosen():
    equal = {"first": {"a": 0.5, "b": 0.5}, "second": {"a": 0.5, "b": 0.5}}
    assert set(chosen_settings(adapted(equal)).values()) == {"first"}


def test_settings_that_cannot_be_compared_are_named():
    with pytest.raises(ValueError, match=r"hold every setting of dan on the same tasks.*strong"):
        chosen_settings(adapted(SETTINGS)[:-1])
    with pytest.raises(ValueError, match="dan on at least 2 tasks, not only a"):
        chosen_settings(adapted({"weak": {"a": 0.5}}))
