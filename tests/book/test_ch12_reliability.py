"""A card's record, from small tables whose outcome is plain."""

from pathlib import Path

import pytest

from tutorial_vae.estimates import Estimate
from tutorial_vae.transfer.recommendation import Reliability
from tutorial_vae_book import results
from tutorial_vae_book.ch12_will_it_help import reliability
from tutorial_vae_book.ch12_will_it_help.reliability import (
    HELD_OUT_TARGETS,
    Judgement,
    cards,
    count,
    held_out_reliability,
    judgements,
    outcomes,
)

CALIBRATION, HELD_OUT = "dsprites", HELD_OUT_TARGETS[0]
NUMBERS = {"images": 1000, "held-out images": 200, "classes": 10}


def outcome_rows(target, source, elbo, accuracy, seed):
    """Scratch has -100 nats and every baseline 0.5."""
    of_source = {("all", "elbo"): elbo, ("frozen", "elbo"): -200, ("frozen", "accuracy"): accuracy}
    alone = {("scratch", "elbo"): -100} | {(n, "accuracy"): 0.5 for n in ("pca", "untrained")}
    alone["pixels", "accuracy"] = 0.45
    for name, found in ((source, of_source), ("none", alone)):
        for (plan, measure), value in found.items():
            yield f"{target},{name},{plan},1000,{seed},{measure},{value}"


def card_rows(target, source, seed, gain, lead):
    estimates = NUMBERS | {"gain of inverted images": -0.5, "gain": gain, "encoder's lead": 0.2}
    estimates |= {"lead over PCA": lead, "lead over raw pixels": lead + 0.01}
    for measure, value in estimates.items():
        reach = 0 if measure in NUMBERS else 0.1
        yield f"{target},{source},{seed},{measure},{value},{value - reach},{value + reach}"


@pytest.fixture
def tables(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    monkeypatch.setattr(reliability, "FOLDER", tmp_path)
    return tmp_path


def write(folder, name, columns, *parts):
    lines = [columns, *dict.fromkeys(row for rows in parts for row in rows)]
    (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def measured(tables):
    """Two seeds of two pairs: transfer helps to reconstruct the first, to classify the second."""
    write(
        tables,
        "transfer",
        "target,source,plan,size,seed,measure,value",
        outcome_rows(HELD_OUT, "patches", -80, 0.4, 0),
        outcome_rows(HELD_OUT, "patches", -90, 0.5, 1),
        outcome_rows(CALIBRATION, "patches", -130, 0.6, 0),
        outcome_rows(CALIBRATION, "patches", -90, 0.7, 1),
    )
    write(
        tables,
        "transfer_card",
        "target,source,seed,measure,value,low,high",
        card_rows(HELD_OUT, "patches", 0, 0.4, 0.2),
        card_rows(HELD_OUT, "patches", 1, 0.4, -0.2),
        card_rows(CALIBRATION, "patches", 0, 0.4, 0.2),
        card_rows(HELD_OUT, "never-measured", 0, 0.4, 0.2),
    )


def test_without_tables_nothing_is_known(tables):
    assert (outcomes(), cards(), judgements()) == ({}, {}, [])
    assert held_out_reliability() == {}


def test_outcomes_are_means_over_seeds_against_scratch_and_the_best_baseline(measured):
    found = outcomes()
    assert list(found) == [(HELD_OUT, "patches"), (CALIBRATION, "patches")]
    first, second = found.values()
    assert first.elbo == pytest.approx(15)
    assert first.accuracy == pytest.approx(-0.05)
    assert first.plan == "all"
    assert second.elbo == pytest.approx(-10)
    assert second.accuracy == pytest.approx(0.15)
    assert second.plan == "scratch"


def test_cards_are_read_as_they_were_measured(measured):
    evidence = cards()[HELD_OUT, "patches", 1]
    assert (evidence.images, evidence.held_out, evidence.classes) == (1000, 200, 10)
    assert evidence.gain == pytest.approx(Estimate.around(0.4, 0.1))
    assert list(evidence.leads) == ["PCA", "raw pixels"]
    assert evidence.leads["raw pixels"].value == pytest.approx(-0.19)


def test_answers_are_held_against_what_happened(measured):
    found = {(j.target, j.seed, j.question): j for j in judgements()}
    assert len(found) == 9  # the pair without an outcome is left out
    assert found[HELD_OUT, 0, "reconstruction"].right
    assert not found[HELD_OUT, 0, "classification"].right  # likely, and it was worse
    assert found[HELD_OUT, 1, "classification"].right  # unlikely, and it was worse
    assert not found[CALIBRATION, 0, "reconstruction"].right
    assert found[CALIBRATION, 0, "classification"].right
    assert found[HELD_OUT, 0, "plan"].right
    assert not found[CALIBRATION, 0, "plan"].right  # it said all, and scratch was better


def test_the_record_counts_held_out_targets_only(measured):
    record = held_out_reliability()
    assert record["reconstruction", "likely"] == Reliability(right=2, cards=2, pairs=1, images=1000)
    assert record["classification", "likely"] == Reliability(right=0, cards=1, pairs=1, images=1000)
    assert record["classification", "unlikely"] == Reliability(
        right=1, cards=1, pairs=1, images=1000
    )
    assert sum(known.cards for (question, _), known in record.items() if question == "plan") == 2


def test_who_cannot_tell_is_neither_right_nor_wrong():
    judged = [
        Judgement("mnist", "solids", 0, "plan", "cannot tell", None, 1000),
        Judgement("mnist", "solids", 1, "plan", "all", False, 300),
    ]
    assert count(judged) == {("plan", "all"): Reliability(0, 1, 1, 300)}


def test_held_out_targets_are_half_of_the_grid():
    from tutorial_vae_book.ch11_what_to_retrain.experiment import TARGETS

    assert TARGETS[1::2] == reliability.HELD_OUT_TARGETS


def test_the_rules_say_what_the_pairs_that_they_were_fitted_to_showed():
    """Their words claim this of the tables that are shipped."""
    fitted = [o for (target, _), o in outcomes().items() if target not in HELD_OUT_TARGETS]
    assert len(fitted) == 18
    assert {outcome.plan for outcome in fitted} == {"all"}
    assert all(outcome.elbo > 0 for outcome in fitted)


def test_with_few_images_the_source_did_harm_as_the_rules_have_it():
    elbos = {
        (row["target"], row["source"], row["plan"], row["seed"]): row["value"]
        for row in results.load_table("transfer_few").to_dict("records")
        if row["measure"] == "elbo"
    }
    gains: dict[tuple[str, str], list[float]] = {}
    for (target, source, plan, seed), elbo in elbos.items():
        if plan == "all" and target not in HELD_OUT_TARGETS:
            scratch = elbos[target, "none", "scratch", seed]
            gains.setdefault((target, source), []).append(elbo - scratch)
    assert len(gains) == 18
    assert sum(sum(of_seeds) < 0 for of_seeds in gains.values()) > 9
