"""The explorer in a real browser, from stored state and without a network."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest

from tutorial_vae.explorer.html import Section
from tutorial_vae.similarity.layer_explorer import LayerExplorer

pytestmark = pytest.mark.browser

LAYERS = (
    "encoder.conv1",
    "encoder.dense",
    "encoder.mean",
    "encoder.log_var",
    "decoder.dense1",
    "decoder.conv1",
)
STATE_TYPE = "application/vnd.jupyter.widget-state+json"
VIEW_TYPE = "application/vnd.jupyter.widget-view+json"


def comparison(diagonal, rest=0.1, *, chance=0.0, n=500):
    values = np.full((len(LAYERS), len(LAYERS)), rest)
    np.fill_diagonal(values, diagonal)
    values[3] = np.nan
    return SimpleNamespace(
        values=values,
        rows=LAYERS,
        columns=LAYERS,
        chance=np.full(values.shape, chance),
        n=n,
    )


@pytest.fixture(scope="module")
def explorer():
    return LayerExplorer(
        {
            ("digits", "trained"): comparison(0.93),
            ("digits", "untrained"): comparison(0.52, chance=0.25),
            ("letters", "trained"): comparison(0.71, n=1000),
        },
        selectors=("images", "second network"),
        row_title="A",
        column_title="B",
    )


def test_the_first_reading_names_layer_value_chance_and_images(opened, reading):
    assert reading(opened) == (
        "encoder.conv1 of A is most like encoder.conv1 of B: 0.93 (chance 0.00, 500 images)"
    )


def test_the_slider_moves_with_the_keyboard(opened, reading):
    slider = opened.get_by_label("layer of A", exact=True)
    slider.focus()
    opened.keyboard.press("ArrowRight")
    assert "encoder.dense of A is most like encoder.dense of B: 0.93" in reading(opened)
    assert slider.get_attribute("aria-valuetext") == "encoder.dense"
    opened.keyboard.press("End")
    assert reading(opened).startswith("decoder.conv1 of A is most like decoder.conv1 of B")


def test_each_selector_changes_what_is_read(opened, reading):
    opened.get_by_label("second network", exact=True).select_option("untrained")
    assert "0.52 (chance 0.25, 500 images)" in reading(opened)
    opened.get_by_label("second network", exact=True).select_option("trained")
    opened.get_by_label("images", exact=True).select_option("letters")
    assert "0.71 (chance 0.00, 1,000 images)" in reading(opened)


def test_a_combination_that_was_not_measured_says_so(opened, reading):
    opened.get_by_label("images", exact=True).select_option("letters")
    opened.get_by_label("second network", exact=True).select_option("untrained")
    assert reading(opened) == "This combination was not measured."
    hatched = opened.locator(".tvae-cells rect[fill^='url(']")
    assert hatched.count() == len(LAYERS) ** 2


def test_undefined_values_are_hatched_and_read_as_such(opened, reading):
    assert opened.locator(".tvae-cells rect[fill^='url(']").count() == len(LAYERS)
    opened.get_by_role("slider").fill("3")
    assert reading(opened) == "encoder.log_var of A: similarity is not defined."
    opened.locator("[data-row='3'][data-column='0']").hover()
    assert "encoder.log_var of A and encoder.conv1 of B: not defined" in reading(opened)


def test_pointing_at_a_cell_reads_it_and_leaving_reads_the_row_again(opened, reading):
    opened.locator("[data-row='4'][data-column='1']").hover()
    assert reading(opened).startswith("decoder.dense1 of A and encoder.dense of B: 0.10")
    opened.mouse.move(1, 1)
    assert reading(opened).startswith("encoder.conv1 of A is most like")
    opened.locator("[data-row='4'][data-column='4']").click()
    assert opened.get_by_role("slider").input_value() == "4"
    assert reading(opened).startswith("decoder.dense1 of A and decoder.dense1 of B: 0.93")


def test_a_finger_reads_a_cell(chromium, serve, explorer, book_page, reading):
    address = serve(book_page(explorer.to_fragment()))
    context = chromium.new_context(has_touch=True, viewport={"width": 360, "height": 800})
    page = context.new_page()
    page.goto(address)
    page.locator("[data-row='1'][data-column='5']").tap()
    assert reading(page).startswith("encoder.dense of A and decoder.conv1 of B: 0.10")
    context.close()


def test_arrow_keys_read_the_map_cell_by_cell(opened, reading):
    heat_map = opened.get_by_role("img", name=re.compile("^Heat map"))
    heat_map.focus()
    opened.keyboard.press("ArrowRight")
    assert reading(opened).startswith("encoder.conv1 of A and encoder.conv1 of B: 0.93")
    opened.keyboard.press("ArrowRight")
    opened.keyboard.press("ArrowDown")
    assert reading(opened).startswith("encoder.dense of A and encoder.dense of B: 0.93")
    assert opened.get_by_role("slider").input_value() == "1"
    assert "The row of encoder.dense is marked" in heat_map.get_attribute("aria-label")


def test_the_profile_lists_every_value_as_text(opened):
    opened.get_by_role("slider").fill("2")
    profile = opened.get_by_role("img", name=re.compile("^encoder.mean of A, compared"))
    assert profile.locator(".tvae-value").all_inner_texts() == [
        "0.10", "0.10", "0.93", "0.10", "0.10", "0.10",
    ]  # fmt: skip
    assert "encoder.mean 0.93" in profile.get_attribute("aria-label")


def test_the_heat_map_has_the_colours_of_viridis(opened):
    import matplotlib

    fill = opened.locator("[data-row='0'][data-column='0']").get_attribute("fill")
    shown = np.array([int(channel) for channel in re.findall(r"\d+", fill)])
    expected = np.array(matplotlib.colormaps["viridis"](0.93)[:3]) * 255
    assert abs(shown - expected).max() < 8


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_the_page_never_scrolls_sideways(opened, width):
    opened.set_viewport_size({"width": width, "height": 800})
    heat_map = opened.get_by_role("img", name=re.compile("^Heat map"))
    box = opened.locator(".tvae-map-box")
    opened.wait_for_function(
        "([map, box]) => map.getBoundingClientRect().width <= box.clientWidth + 1",
        arg=[heat_map.element_handle(), box.element_handle()],
    )
    assert opened.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(
    ("system", "set_theme", "dark"),
    [
        ("light", "document.documentElement.dataset.theme = 'dark'", True),
        ("dark", "document.documentElement.dataset.theme = 'light'", False),
        ("dark", "document.documentElement.removeAttribute('data-theme')", True),
        ("light", "document.body.dataset.jpThemeLight = 'false'", True),
        ("light", "document.documentElement.setAttribute('theme', 'dark')", True),
        ("light", "document.body.className = 'vscode-dark'", True),
    ],
)
def test_the_colours_follow_the_page_and_then_the_system(opened, system, set_theme, dark):
    opened.emulate_media(color_scheme=system)
    opened.evaluate(set_theme)
    colour = opened.locator(".tvae-explorer").evaluate("e => getComputedStyle(e).color")
    lightness = sum(int(channel) for channel in re.findall(r"\d+", colour)[:3]) / 3
    assert (lightness > 128) == dark


def test_two_views_of_one_model_move_together_and_one_style_is_added(
    page, serve, explorer, book_page
):
    fragment = explorer.to_fragment()
    view = fragment[fragment.index(f'<script type="{VIEW_TYPE}">') :]
    page.goto(serve(book_page(fragment + view)))
    sliders = page.get_by_role("slider")
    sliders.nth(1).wait_for()
    sliders.nth(0).fill("1")
    assert sliders.nth(1).input_value() == "1"
    assert page.locator("style.explorer-style").count() == 1
    identifiers = page.locator("[id^='tvae-']").evaluate_all("all => all.map((e) => e.id)")
    assert len(set(identifiers)) == len(identifiers)


def test_the_host_script_may_run_twice(page, serve, explorer, book_page):
    page.goto(serve(book_page(explorer.to_fragment(), scripts=2)))
    page.get_by_role("slider").wait_for()
    assert page.get_by_role("slider").count() == 1


def script(kind, content):
    return f'<script type="{kind}">{json.dumps(content)}</script>'


def view(model_id):
    return script(VIEW_TYPE, {"version_major": 2, "version_minor": 0, "model_id": model_id})


def test_what_cannot_be_shown_is_reported_in_the_page(page, serve, book_page):
    state = {
        "broken": {"state": {"_esm": "export default { render() { throw new Error('why') } }"}},
        "slider": {"model_name": "IntSliderModel", "state": {"value": 3}},
    }
    states = script(STATE_TYPE, {"state": state})
    body = view("broken") + view("slider") + view("absent")
    # Sphinx puts the state of a notebook wherever its other scripts are.
    page.goto(serve(book_page(body, head=states)))
    page.locator(".explorer-note").nth(2).wait_for()
    notes = "\n".join(page.locator(".explorer-note").all_inner_texts())
    assert "This explorer could not be shown: why." in notes
    assert "needs a running kernel" in notes
    assert "its state is not stored in this page" in notes


def test_a_module_that_does_not_parse_is_reported_in_the_page(page, serve, book_page):
    state = script(STATE_TYPE, {"state": {"a": {"state": {"_esm": "this is not JavaScript"}}}})
    page.goto(serve(book_page(state + view("a"))))
    assert "could not be shown" in page.get_by_role("alert").inner_text()


def test_a_page_without_explorers_stays_as_it_is(page, serve, book_page):
    page.goto(serve(book_page("<p>prose</p>")))
    assert page.locator("body").inner_text().split() == ["before", "prose", "after"]


def test_layer_names_cannot_smuggle_markup_in(page, serve, book_page, reading):
    name = "<img src=x onerror=alert(1)>"
    similarity = SimpleNamespace(
        values=np.ones((1, 1)), rows=(name,), columns=(name,), chance=np.zeros((1, 1))
    )
    explorer = LayerExplorer({name: similarity}, selectors=(name,))
    page.goto(serve(book_page(explorer.to_fragment())))
    page.get_by_role("slider").wait_for()
    assert name in reading(page)
    assert page.locator("img").count() == 0


def test_the_report_opens_from_a_file(page, explorer, tmp_path, reading):
    path = tmp_path / "report.html"
    explorer.to_html(
        path, title="Two networks", introduction="Text.", sections=[Section("Method", "CKA.")]
    )
    page.goto(path.as_uri())
    assert page.get_by_role("heading", level=1).inner_text() == "Two networks"
    assert page.get_by_role("heading", name="Method").is_visible()
    page.get_by_role("slider").fill("1")
    assert "encoder.dense of A is most like encoder.dense of B: 0.93" in reading(page)
    page.get_by_label("images", exact=True).select_option("letters")
    assert "0.71" in reading(page)
