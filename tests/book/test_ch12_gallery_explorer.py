"""The gallery explorer: what travels in its state, and the guessing in a real browser."""

import base64
import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from tutorial_vae_book.ch12_will_it_help.gallery_explorer import (
    EvidenceMark,
    GalleryCard,
    GalleryExplorer,
    GalleryQuestion,
)

QUESTIONS = {
    "reconstruction": GalleryQuestion(
        text="Will it draw?",
        choices=["likely", "unlikely"],
        always="likely",
        measure="Nats",
        decimals=1,
    ),
    "plan": GalleryQuestion(
        text="Which plan?", choices=["all", "decoder"], always="all", measure="Nats over scratch"
    ),
}
GAINS = {
    "reconstruction": {"all": [3.0, 4.0, 5.5]},
    "plan": {"all": [1.0, 2.0, 3.0], "decoder": [-1.0, 0.0, -2.0]},
}


def pictures(level):
    return np.full((3, 4, 4), level, dtype=np.uint8)


def card(source, level, answers, outcomes):
    return GalleryCard(
        source=source,
        target="letters",
        images=pictures(200),
        reconstructions=pictures(level),
        marks={
            "lead": EvidenceMark(-0.25, [0.5, -0.5], line=0.0),
            "latents": EvidenceMark(7.0, [10.0, 9.0]),
        },
        answers=dict(zip(QUESTIONS, answers, strict=True)),
        outcomes=dict(zip(QUESTIONS, outcomes, strict=True)),
        gains=GAINS,
    )


FIRST = card("digits", 50, ("cannot tell", "decoder"), ("likely", "all"))
SECOND = card("shapes", 90, ("likely", "all"), ("unlikely", "all"))


def explorer():
    return GalleryExplorer([FIRST, SECOND], QUESTIONS)


def test_the_state_holds_the_cards_and_each_picture_once():
    data = explorer().data
    assert [each["source"] for each in data["cards"]] == ["digits", "shapes"]
    assert data["cards"][0]["marks"][0] == {
        "name": "lead", "value": -0.25, "others": [0.5, -0.5], "line": 0.0
    }  # fmt: skip
    assert data["cards"][1]["gains"]["plan"][1] == ["decoder", [-1.0, 0.0, -2.0]]
    assert len(data["strips"]) == 3  # both cards have the same target
    strip = Image.open(
        io.BytesIO(base64.b64decode(data["strips"][data["cards"][1]["pictures"][1]]))
    )
    np.testing.assert_array_equal(np.asarray(strip), np.full((4, 12), 90))


def test_a_card_may_be_chosen():
    gallery = explorer()
    gallery.card = 1
    with pytest.raises(ValueError, match="card must be one of 0, 1, got 2"):
        gallery.card = 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reconstructions": pictures(1)[:2]}, r"a reconstruction of every image.*\(2, 4, 4\)"),
        ({"answers": {"plan": "all"}}, "lacks an answer, an outcome or the gains of 'reconstru"),
        ({"outcomes": {**FIRST.outcomes, "plan": "heads"}}, "must be one of all, decoder, but"),
        ({"answers": {**FIRST.answers, "plan": "heads"}}, "decoder or cannot tell, but the card"),
        ({"marks": {"lead": EvidenceMark(np.nan, [])}}, "must be finite, not nan"),
    ],
)
def test_what_cannot_be_shown_is_named(changes, words):
    with pytest.raises(ValueError, match=words):
        GalleryExplorer([dataclasses.replace(FIRST, **changes)], QUESTIONS)
    with pytest.raises(ValueError, match="at least one card"):
        GalleryExplorer([], QUESTIONS)


@pytest.fixture
def opened(open_explorer):
    return open_explorer(explorer())


def tally(page):
    return [
        row.all_inner_texts()
        for row in (r.locator("th, td") for r in page.locator("tbody tr").all())
    ]


@pytest.mark.browser
def test_outcomes_are_hidden_until_they_are_revealed(opened, reading):
    assert reading(opened).startswith("Card 1 of 2, digits → letters: what do you expect?")
    assert not opened.get_by_text("Right was").first.is_visible()
    assert not opened.locator("table").is_visible()
    opened.get_by_role("button", name="Reveal what happened").click()
    assert opened.get_by_text("Right was: likely.").is_visible()
    assert opened.get_by_label("Will it draw?").is_disabled()


@pytest.mark.browser
def test_guesses_are_counted_beside_the_cards_and_a_constant_answer(opened, reading):
    opened.get_by_label("Will it draw?").select_option("likely")
    opened.get_by_label("Which plan?").select_option("decoder")
    opened.get_by_role("button", name="Reveal what happened").press("Enter")
    assert reading(opened).endswith("you were right on 1 of 2, the card on 0.")
    assert opened.get_by_text("You: likely, ✓ right").is_visible()
    assert opened.get_by_text("The card: cannot tell, – no answer").is_visible()
    assert opened.get_by_text("The card: decoder, ✗ wrong").is_visible()
    constant = "always “likely, all”"
    assert tally(opened) == [
        ["you", "1", "1", "0"], ["the cards", "0", "1", "1"], [constant, "2", "0", "0"]
    ]  # fmt: skip

    opened.get_by_role("button", name="Next card").press("Enter")
    assert reading(opened).startswith("Card 2 of 2, shapes → letters: what do you expect?")
    opened.get_by_role("button", name="Reveal what happened").click()
    assert tally(opened) == [
        ["you", "1", "1", "2"], ["the cards", "1", "2", "1"], [constant, "3", "1", "0"]
    ]  # fmt: skip

    opened.get_by_label("card, source → target").select_option("digits → letters")
    assert opened.get_by_label("Will it draw?").input_value() == "likely"
    opened.get_by_role("button", name="Start again").press("Enter")
    focused = opened.evaluate("document.activeElement.textContent")
    assert focused == "Reveal what happened"  # not lost with the button that went
    assert opened.get_by_label("Will it draw?").input_value() == "cannot tell"
    assert not opened.locator("table").is_visible()


@pytest.mark.browser
def test_drawings_say_their_numbers(opened):
    evidence = opened.get_by_role("img", name="Evidence").get_attribute("aria-label")
    assert "lead −0.25, the 2nd highest of 3 sources" in evidence
    assert "latents 7.00, the 3rd highest of 3 sources" in evidence
    opened.get_by_role("button", name="Reveal what happened").click()
    chart = opened.get_by_role("img", name="Nats:").get_attribute("aria-label")
    assert chart == "Nats: all +4.2, seeds +3.0, +4.0, +5.5."
    plans = opened.get_by_role("img", name="Nats over scratch").get_attribute("aria-label")
    assert "decoder −1.00, seeds −1.00, 0.00, −2.00" in plans


@pytest.mark.browser
def test_the_buttons_go_round(opened, reading):
    opened.get_by_role("button", name="Previous").click()
    assert reading(opened).startswith("Card 2 of 2")
    opened.get_by_role("button", name="Next").click()
    assert reading(opened).startswith("Card 1 of 2")
