"""What holds for every explorer of the book, on the built site and with the network cut."""

import re

import pytest

BODY = re.compile(
    r'<script type="application/vnd\.jupyter\.widget-state\+json">(.*?)</script>', re.S
)
CONTROLS = ".tvae-explorer :is(select, input, button)"


@pytest.fixture(scope="module")
def chapters(site):
    """Addresses of the pages that hold an explorer, and the bytes of their explorers' state."""
    found = {}
    for path in sorted(site.glob("notebooks/*.html")):
        states = BODY.findall(path.read_text(encoding="utf-8"))
        if states:
            found[path.relative_to(site).as_posix()] = sum(len(s.encode()) for s in states)
    return found


@pytest.fixture
def visit(page, serve, site):
    """A function that opens a page of the site and waits for its explorers."""
    base = serve(site)

    def go(address):
        page.goto(f"{base}/{address}", wait_until="load")
        page.locator(".tvae-explorer [role=status]").first.wait_for(state="attached")
        return page

    return go


def test_every_chapter_has_an_explorer_of_at_most_300_kilobytes(chapters, site):
    names = {path.relative_to(site).as_posix() for path in site.glob("notebooks/*.html")}
    assert set(chapters) == names
    assert {name: size for name, size in chapters.items() if size > 300_000} == {}


@pytest.mark.browser
def test_every_control_has_a_name_is_large_enough_and_keeps_its_keys(visit, chapters):
    for address in chapters:
        controls = visit(address).locator(CONTROLS).all()
        assert controls
        for control in controls:
            named = control.evaluate(
                "e => e.labels?.length || e.ariaLabel || e.getAttribute('aria-labelledby')"
                " || e.textContent.trim()"
            )
            assert named, address
            if control.is_visible():
                assert control.bounding_box()["height"] >= 40, address
            assert control.get_attribute("data-lm-suppress-shortcuts") == "true", address


@pytest.mark.browser
def test_every_slider_moves_with_the_keyboard_and_says_its_value(visit, chapters):
    for address in chapters:
        page = visit(address)
        for slider in page.locator(".tvae-explorer input[type=range]:visible").all():
            before = slider.input_value()
            said = slider.get_attribute("aria-valuetext")
            slider.focus()
            key = "ArrowLeft" if before == slider.get_attribute("max") else "ArrowRight"
            slider.press(key)
            assert slider.input_value() != before, address
            assert slider.get_attribute("aria-valuetext") != said, address


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_no_explorer_is_wider_than_its_column(visit, chapters, width):
    for address in chapters:
        page = visit(address)
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_function(
            "() => [...document.querySelectorAll('.tvae-explorer')].every((box) => {"
            " const { left, right } = box.getBoundingClientRect();"
            " return [...box.querySelectorAll('svg, canvas, table, select, input')].every((e) => {"
            "  const own = e.getBoundingClientRect();"
            "  return !own.width || (own.left >= left - 1 && own.right <= right + 1); }); })"
        )
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address


@pytest.mark.browser
def test_explorers_turn_dark_with_the_page(visit, chapters):
    def lightness(page):
        colour = page.locator(".tvae-explorer").first.evaluate("e => getComputedStyle(e).color")
        return sum(float(channel) for channel in re.findall(r"[\d.]+", colour)[:3]) / 3

    for address in chapters:
        page = visit(address)
        page.evaluate("document.documentElement.dataset.theme = 'light'")
        assert lightness(page) < 128, address
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        assert lightness(page) > 128, address
