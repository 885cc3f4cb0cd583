"""The card explorer: what travels in its state, and the same numbers in a real browser."""

import base64
import re

import numpy as np
import pytest
import torch

import tutorial_vae as tv
from tutorial_vae.transfer import assessment
from tutorial_vae.transfer.card_explorer import CardExplorer

SIDE = 8


def made(labels):
    random = np.random.default_rng(0)
    classes = random.integers(0, 3, 60)
    pixels = random.integers(0, 90, (60, 1, SIDE, SIDE)).astype(np.uint8)
    pixels[np.arange(60), 0, classes] = 255
    torch.manual_seed(0)
    model = tv.VAE((1, SIDE, SIDE), 3, architecture="mlp")
    images = tv.ImageSet(
        "stripes",
        torch.from_numpy(pixels),
        torch.from_numpy(classes) if labels else None,
        class_names=("low", "middle", "</script>") if labels else (),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assessment, "STEPS", 5)
        return tv.assess(model, images, source_images=images[:30], progress=False)


@pytest.fixture(scope="module")
def card():
    return made(labels=True)


@pytest.fixture(scope="module")
def unlabelled():
    return made(labels=False)


def shown(value):
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")


def reading(page):
    return page.locator("p[role=status][aria-live=polite]").inner_text()


def test_the_state_holds_the_numbers_of_the_card(card):
    data = CardExplorer(card).data
    assert data["scores"]["LogME"]["source"] == [
        round(v, 4) for v in card.scores["logme"]["source"]
    ]
    profile = card.alignment["labels"]["untrained"]
    assert data["comparisons"]["labels"]["untrained"][2][0] == round(profile.value[2], 4)
    assert sum(data["units"][0]["target"]) == pytest.approx(1, abs=0.01)
    assert len(base64.b64decode(data["maps"]["source"])) == 2 * 60
    assert len(data["pictures"]) == 10
    assert base64.b64decode(data["pictures"][0]).startswith(b"\x89PNG")


def test_choices_are_checked_and_may_be_set(card):
    explorer = CardExplorer(card)
    assert explorer.unit == int(card.units.variances.argmax())
    explorer.score, explorer.highlight = "LogME", "middle"
    with pytest.raises(ValueError, match="map must be one of source, target model, untrained, got"):
        explorer.map = "pixels"
    with pytest.raises(ValueError, match="unit must be from 0 to 2, got 3"):
        explorer.unit = 3
    with pytest.raises(ValueError, match="highlight must be one of all classes, low, middle"):
        explorer.highlight = "high"
    assert repr(explorer) == "CardExplorer(60 images of stripes)"


@pytest.mark.browser
def test_the_page_answers_and_every_control_moves(card, page, tmp_path):
    card.to_html(tmp_path / "card.html")
    page.goto(f"file://{tmp_path / 'card.html'}")
    assert page.locator(".tvae-answer").all_inner_texts()[1].lower() == (
        card.recommendation.reconstruction.answer
    )
    page.get_by_label("CKA with").select_option("labels")
    page.get_by_label("layer", exact=True).focus()
    page.keyboard.press("Home")
    first = card.alignment["labels"]["source"].value[0]
    assert reading(page).startswith(f"{card.layers[0]} of the source and the labels: CKA")
    assert shown(first) in reading(page)

    page.get_by_label("latent", exact=True).focus()
    page.keyboard.press("End")
    assert "Latent z₃ is" in reading(page)
    assert shown(float(card.units.variances[2])) in reading(page)

    page.get_by_label("score (higher is better)").select_option("LogME")
    assert shown(card.scores["logme"]["source"].value) in reading(page)

    page.get_by_label("latents of", exact=True).select_option("untrained")
    page.get_by_label("bring out", exact=True).select_option("</script>")
    size = int((card.images.labels == 2).sum())
    assert f"of {size} images of class </script>" in reading(page)
    faint = page.get_by_role("img", name=re.compile("t-SNE")).locator(".tvae-faint")
    assert faint.count() == 60 - size


@pytest.mark.browser
def test_a_layer_is_chosen_by_pressing_its_row(card, open_explorer):
    page = open_explorer(CardExplorer(card))
    page.locator("[data-row='1']").click()
    assert reading(page).startswith(f"{card.layers[1]} of the source and the same layer")


@pytest.mark.browser
def test_without_labels_there_are_no_scores_and_no_classes(unlabelled, open_explorer):
    page = open_explorer(CardExplorer(unlabelled))
    assert page.get_by_label("bring out", exact=True).count() == 0
    assert page.get_by_text("Scores of the labels").count() == 0
    page.get_by_label("latents of", exact=True).select_option("target model")
    assert "no labels" in reading(page)


@pytest.mark.browser
@pytest.mark.parametrize("width", [320, 1000])
def test_a_page_is_no_wider_than_its_window(card, page, tmp_path, width):
    card.to_html(tmp_path / "card.html")
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"file://{tmp_path / 'card.html'}")
    page.locator(".tvae-card").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for control in page.locator("select, input").all():
        assert control.bounding_box()["height"] >= 40
        assert control.get_attribute("data-lm-suppress-shortcuts") == "true"
