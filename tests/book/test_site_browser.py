"""The built site in a real browser, with everything but this machine out of reach."""

import pytest

pytestmark = pytest.mark.browser

NOT_PAGES = {"_static", "_sources"}


@pytest.fixture(scope="module")
def addresses(site):
    """All pages but the one at the top, which leaves for the first of them at once."""
    files = sorted(path.relative_to(site) for path in site.rglob("*.html"))
    pages = [path.as_posix() for path in files if path.parts[0] not in NOT_PAGES]
    return [page for page in pages if page != "index.html"]


def brightness(page):
    """Of the page's background, from 0 to 255."""
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    red, green, blue = (float(value) for value in colour.strip("rgb()").split(",")[:3])
    return (red + green + blue) / 3


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_every_page_loads_whole_and_quietly(guarded_page, serve, site, addresses, scheme, width):
    base = serve(site)
    page, complaints = guarded_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.set_default_timeout(20_000)
    found = []
    for address in addresses:
        complaints.clear()
        page.goto(f"{base}/{address}", wait_until="load")
        page.wait_for_function(
            "document.querySelectorAll('mjx-container').length"
            " >= document.querySelectorAll('span.math, div.math').length"
        )
        if page.locator("mjx-merror").count():
            complaints.append("has a formula that MathJax cannot read")
        if page.locator(".explorer-note[role=alert]").count():
            complaints.append("has an explorer that could not be shown")
        too_wide = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        if too_wide > 0:
            complaints.append(f"is {too_wide} pixels too wide")
        if (brightness(page) > 127) != (scheme == "light"):
            complaints.append(f"is not {scheme}")
        searches = page.locator(".search-button:visible, .search-button-field:visible").count()
        if searches != 1 and page.locator("article").count():
            complaints.append(f"has {searches} search buttons")
        found += [f"{address} {complaint}" for complaint in complaints]
    assert found == []


def test_the_address_alone_leads_to_the_first_page(chromium, serve, site):
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{serve(site)}/")
    page.wait_for_url("**/book/welcome.html")
    context.close()


def test_reader_can_switch_between_light_and_dark(chromium, serve, site):
    context = chromium.new_context(color_scheme="light")
    page = context.new_page()
    page.goto(f"{serve(site)}/book/notation.html")
    seen = []
    for _ in range(3):
        seen.append(brightness(page) > 127)
        page.locator(".theme-switch-button:visible").first.click()
    context.close()
    assert set(seen) == {True, False}
