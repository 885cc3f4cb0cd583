"""The genericity explorer: what travels in its state, and the same numbers in a real browser."""

import re

import numpy as np
import pytest

from tutorial_vae.explorer import unpack
from tutorial_vae_book.ch10_generic_encoders.genericity_explorer import GenericityExplorer

SETS = ("shapes", "letters", "photographs")
LAYERS = ("encoder.conv1", "encoder.mean", "decoder.dense1", "decoder.conv1")


def arrays(seed=0):
    """Three sets, two seeds, four layers; at the first layer there is no way to go."""
    random = np.random.default_rng(seed)
    similarity = random.uniform(0.3, 0.8, size=(3, 3, 2, 4))
    similarity[range(3), range(3)] = random.uniform(0.85, 1.0, size=(3, 2, 4))
    untrained = random.uniform(-0.1, 0.5, size=(3, 2, 4))
    similarity[..., 0], untrained[..., 0] = 0.99, 0.98
    return tuple(a.round(4) for a in (similarity, untrained, random.uniform(0, 1, size=(3, 2, 4))))


def explorer(**options):
    return GenericityExplorer(*arrays(), sets=SETS, layers=LAYERS, **options)


def explorer_shares(*tables):
    return GenericityExplorer(*tables, sets=SETS, layers=LAYERS).shares()


def wide():
    """Seven sets, whose names need as much room as those of the chapter."""
    random = np.random.default_rng(1)
    similarity = random.uniform(0.3, 0.8, size=(7, 7, 2, 1))
    similarity[range(7), range(7)] = 0.9
    controls = (random.uniform(0.2, 0.5, size=(7, 2, 1)) for _ in range(2))
    names = [f"set {index}" for index in range(6)] + ["fashion-mnist"]
    return GenericityExplorer(similarity, *controls, sets=names, layers=["encoder.mean"])


def shown(value):
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")


def test_the_values_of_the_table_travel():
    data = explorer().data
    for name, array in zip(("similarity", "untrained", "pixels"), arrays(), strict=True):
        np.testing.assert_allclose(unpack(data[name]), array, atol=1e-7)


def test_undefined_values_travel_too():
    similarity, untrained, pixels = arrays()
    similarity[0, 1, 0, 2] = np.nan
    data = GenericityExplorer(similarity, untrained, pixels, sets=SETS, layers=LAYERS).data
    assert np.isnan(unpack(data["similarity"])).sum() == 1


def test_shares_are_0_for_untrained_and_1_for_the_ceiling():
    similarity, untrained, pixels = arrays()
    similarity[0, 1] = untrained[0]
    similarity[0, 2] = similarity[0, 0]
    shares = GenericityExplorer(similarity, untrained, pixels, sets=SETS, layers=LAYERS).shares()
    np.testing.assert_allclose(shares[0, 1, 1:], 0, atol=1e-12)
    np.testing.assert_allclose(shares[0, 2, 1:], 1)
    assert np.isnan(shares[:, :, 0]).all()


def test_choices_are_checked_and_may_be_set():
    chosen = explorer(target="letters", source="shapes", layer="decoder.conv1")
    assert (chosen.target, chosen.source, chosen.layer) == ("letters", "shapes", "decoder.conv1")
    chosen.scale = "share of the way"
    with pytest.raises(ValueError, match="target must be one of shapes, letters, photographs, got"):
        chosen.target = "mnist"
    with pytest.raises(ValueError, match="scale must be one of CKA, share of the way, got 'KL'"):
        chosen.scale = "KL"
    with pytest.raises(ValueError, match=r"layer must be one of encoder\.conv1"):
        explorer(layer="conv9")
    assert repr(chosen) == "GenericityExplorer(3 × 3 sets × 2 seeds × 4 layers)"


def test_what_does_not_fit_is_named():
    similarity, untrained, pixels = arrays()
    names = {"sets": SETS, "layers": LAYERS}
    with pytest.raises(
        ValueError, match=r"untrained must have the shape \(3, seeds, 4\), not \(3, 2, 3\)"
    ):
        GenericityExplorer(similarity, untrained[..., :3], pixels, **names)
    with pytest.raises(ValueError, match=r"similarity must have the shape .* not \(3, 2, 4\)"):
        GenericityExplorer(untrained, untrained, pixels, **names)
    with pytest.raises(ValueError, match=r"pixels must lie between -1 and 1, got values from .* 3"):
        GenericityExplorer(similarity, untrained, pixels * 0 + 3, **names)
    with pytest.raises(ValueError, match="sets and layers must name at least 2 sets and 1 layer"):
        GenericityExplorer(similarity, untrained, pixels, sets=SETS[:1], layers=LAYERS)


@pytest.fixture
def opened(open_explorer):
    return open_explorer(explorer(layer="encoder.mean"))


def matrix(page):
    return page.get_by_role("img").first


@pytest.mark.browser
@pytest.mark.parametrize("layer", range(4))
@pytest.mark.parametrize(("target", "source"), [(0, 1), (2, 0), (1, 1)])
def test_the_reading_holds_the_numbers_of_python(opened, target, source, layer, reading):
    opened.get_by_label("looking at", exact=True).select_option(SETS[target])
    opened.get_by_label("trained on", exact=True).select_option(SETS[source])
    opened.get_by_label("layer", exact=True).fill(str(layer))
    similarity, untrained, pixels = arrays()
    seeds = similarity[target, source, :, layer]
    text = reading(opened)
    assert text.startswith(f"{LAYERS[layer]} of ")
    assert (
        f"CKA {shown(seeds.mean())} (2 seeds: {shown(seeds.min())} to {shown(seeds.max())})" in text
    )
    assert f"untrained {shown(untrained[target, :, layer].mean())}" in text
    assert f"pixels {shown(pixels[target, :, layer].mean())}, chance 0." in text
    share = explorer().shares()[target, source, layer]
    if target == source:
        assert "the ceiling" in text
        assert "Share" not in text
    else:
        assert f"ceiling {shown(similarity[target, target, :, layer].mean())}" in text
        ending = "no way to go." if np.isnan(share) else f"Share of the way: {shown(share)}."
        assert text.endswith(ending)


@pytest.mark.browser
@pytest.mark.parametrize("scale", ["CKA", "share of the way"])
def test_the_matrix_shows_the_numbers_of_python(opened, scale):
    opened.get_by_label("show", exact=True).select_option(scale)
    similarity, untrained, pixels = (a.mean(axis=-2)[..., 1] for a in arrays())
    table = np.column_stack([similarity, untrained, pixels])
    if scale != "CKA":
        ceiling = similarity.diagonal()
        table = (table - untrained[:, None]) / (ceiling - untrained)[:, None]
    labels = matrix(opened).locator("text[pointer-events=none]").all_text_contents()
    assert labels == [shown(value) for value in table.ravel()]


@pytest.mark.browser
@pytest.mark.parametrize(("target", "source"), [(0, 1), (2, 0), (1, 1)])
def test_on_the_scale_of_shares_the_reading_is_the_share(opened, target, source, reading):
    opened.get_by_label("show", exact=True).select_option("share of the way")
    opened.get_by_label("looking at", exact=True).select_option(SETS[target])
    opened.get_by_label("trained on", exact=True).select_option(SETS[source])
    similarity, untrained, pixels = (a[..., 1] for a in arrays())
    low = untrained[target].mean()
    way = similarity[target, target].mean() - low
    seeds = (similarity[target, source] - low) / way
    text = reading(opened)
    assert f"(2 seeds: {shown(seeds.min())} to {shown(seeds.max())})" in text
    assert f"pixels {shown((pixels[target].mean() - low) / way)}." in text
    assert f"CKA: {shown(similarity[target, source].mean())}." in text
    bold = opened.locator("p[role=status] strong").inner_text()
    assert bold == shown(explorer().shares()[target, source, 1])


@pytest.mark.browser
def test_a_share_without_a_way_to_go_is_said_not_to_be_defined(opened, reading):
    opened.get_by_label("show", exact=True).select_option("share of the way")
    opened.get_by_label("layer", exact=True).fill("0")
    assert opened.locator("p[role=status] strong").inner_text() == "not defined"
    assert "CKA: 0.99; untrained 0.98, ceiling 0.99, pixels" in reading(opened)


def arrows(page):
    """How many cells are marked as below 0 and how many as above 1."""
    marked = matrix(page).locator("path[pointer-events=none]:visible")
    inks = marked.evaluate_all("paths => paths.map((path) => path.style.fill)")
    return inks.count("rgb(255, 255, 255)"), inks.count("rgb(0, 0, 0)")


@pytest.mark.browser
def test_values_beyond_the_colours_are_marked_said_and_in_the_key(open_explorer, reading):
    similarity, untrained, pixels = arrays()
    similarity[0, 1, :, 1] = -0.0012
    similarity[0, 2, :, 1] = 1.0
    page = open_explorer(
        GenericityExplorer(
            similarity, untrained, pixels, sets=SETS, layers=LAYERS, layer="encoder.mean"
        )
    )
    key = page.locator(".tvae-legend")
    assert arrows(page) == (1 + int((untrained[..., 1].mean(axis=1) < 0).sum()), 0)
    assert "below 0" in key.inner_text()
    assert "above 1" not in key.inner_text()
    assert page.locator("p[role=status] strong").inner_text() == "−0.0012"
    assert "Below 0: no more alike than by chance." in reading(page)

    page.get_by_label("show", exact=True).select_option("share of the way")
    low = untrained[..., 1].mean(axis=1)
    ceiling = similarity[range(3), range(3), :, 1].mean(axis=1)
    of_pixels = (pixels[..., 1].mean(axis=1) - low) / (ceiling - low)
    table = explorer_shares(similarity, untrained, pixels)
    values = np.concatenate([table[:, :, 1].ravel(), of_pixels])
    assert arrows(page) == ((values < -1e-9).sum(), (values > 1 + 1e-9).sum())
    assert "below 0" in key.inner_text()
    assert "above 1" in key.inner_text()
    assert "no way to go" in key.inner_text()
    assert "Below 0: less alike than with an untrained network." in reading(page)
    page.get_by_label("trained on", exact=True).select_option("photographs")
    assert f"share of the way {shown(table[0, 2, 1])} " in reading(page)
    assert "Above 1: more alike than with another seed." in reading(page)


@pytest.mark.browser
def test_a_phone_shows_large_cells_whose_names_choose_too(open_explorer, reading):
    page = open_explorer(wide())
    page.set_viewport_size({"width": 360, "height": 800})
    page.get_by_label("show", exact=True).select_option("share of the way")
    page.wait_for_function("document.querySelector('.tvae-map').clientWidth < 340")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    cell = matrix(page).locator("rect[data-row='3'][data-column='2']")
    assert cell.bounding_box()["width"] >= 28
    labels = matrix(page).locator("text[pointer-events=none]")
    widths = labels.evaluate_all("texts => texts.map((each) => each.getBBox().width)")
    assert max(widths) <= cell.bounding_box()["width"]
    assert all(re.fullmatch(r"−?\d\.\d\d|", label) for label in labels.all_text_contents())
    matrix(page).get_by_text("set 5", exact=True).first.click()
    matrix(page).get_by_text("set 3", exact=True).last.click()
    assert "trained on set 3 and one trained on set 5" in reading(page)
    cell.click()
    assert "trained on set 2 and one trained on set 3" in reading(page)


@pytest.mark.browser
def test_a_layer_without_a_way_to_go_is_hatched(opened):
    opened.get_by_label("layer", exact=True).fill("0")
    assert matrix(opened).locator("rect[fill^='url(']").count() == 0
    opened.get_by_label("show", exact=True).select_option("share of the way")
    assert matrix(opened).locator("rect[fill^='url(']").count() == 15


@pytest.mark.browser
def test_pairs_are_chosen_by_pointer_and_by_arrow_keys(opened, reading):
    matrix(opened).locator("rect[data-row='2'][data-column='1']").click()
    assert "trained on letters and one trained on photographs" in reading(opened)
    matrix(opened).focus()
    opened.keyboard.press("ArrowUp")
    opened.keyboard.press("ArrowLeft")
    assert "trained on shapes and one trained on letters" in reading(opened)
    assert opened.get_by_label("looking at", exact=True).input_value() == "letters"
    opened.keyboard.press("ArrowRight")
    assert "two VAEs trained on letters" in reading(opened)
    matrix(opened).locator("rect[data-column='3']").first.click()  # a control is no source
    assert "two VAEs trained on letters" in reading(opened)


@pytest.mark.browser
def test_the_profile_speaks_all_layers_and_a_click_on_it_chooses_one(opened, reading):
    profile = opened.get_by_role("img").nth(1)
    similarity, untrained, pixels = (a.mean(axis=-2) for a in arrays())
    spoken = profile.get_attribute("aria-label")
    for index, layer in enumerate(LAYERS):
        pair, ceiling = shown(similarity[0, 1, index]), shown(similarity[0, 0, index])
        controls = f"untrained {shown(untrained[0, index])}, pixels {shown(pixels[0, index])}"
        assert f"{layer} {pair}, {controls}, ceiling {ceiling}" in spoken
    assert "pixels" in profile.locator("text").all_text_contents()
    profile.locator("rect[data-layer='3']").click()
    assert reading(opened).startswith("decoder.conv1")
    assert (
        opened.get_by_label("layer", exact=True).get_attribute("aria-valuetext") == "decoder.conv1"
    )
