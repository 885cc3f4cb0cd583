"""The latent plane explorer: its grids in Python, and the same pictures in a real browser."""

import numpy as np
import pytest
import torch

from tutorial_vae_book.ch01_latent_variable_models.latent_plane_explorer import (
    LatentPlane,
    LatentPlaneExplorer,
    decode_plane,
)

LABELS = ["7", "2", "1", "7", "0"]
CODES = torch.tensor([[0.5, -1.0], [-2.0, 0.25], [1.5, 2.0], [0.6, -1.1], [-0.4, 0.3]])
ELSEWHERE = 3 * CODES + 1


def straight(z):
    """A linear decoder of 4×4 pictures, some of whose pixels leave [0, 1]."""
    weights = torch.linspace(-0.3, 0.3, 32, dtype=z.dtype).reshape(2, 16)
    return (0.5 + z @ weights).unflatten(1, (1, 4, 4))


def bent(z):
    return (0.5 + 0.5 * torch.sin(3 * straight(z))).clamp(0, 1)


@pytest.fixture(scope="module")
def planes():
    return {"PCA": decode_plane(straight, CODES, points=2), "VAE": decode_plane(bent, ELSEWHERE)}


@pytest.fixture
def explorer(planes):
    return LatentPlaneExplorer(planes, labels=LABELS)


def test_a_linear_decoder_is_exact_everywhere_from_two_points_a_side(planes):
    points = torch.tensor([[0.0, 0.0], [1.3, -2.9], [-3.1, 3.1]], dtype=torch.float64)
    for point, picture in zip(points.tolist(), straight(points)[:, 0], strict=True):
        np.testing.assert_allclose(planes["PCA"].at(*point), picture, atol=1e-6)


def test_a_bent_decoder_is_exact_on_the_grid_and_near_between(planes):
    plane = planes["VAE"]
    step = plane.side / 14
    on_grid = torch.tensor([[plane.corner[0] + 3 * step, plane.corner[1] + 9 * step]])
    np.testing.assert_allclose(plane.at(*on_grid[0].tolist()), bent(on_grid)[0, 0], atol=1e-5)
    between = on_grid + step / 2
    assert abs(plane.at(*between[0].tolist()) - bent(between)[0, 0].numpy()).max() < 0.1


def test_beyond_the_edge_the_edge_counts(planes):
    plane = planes["PCA"]
    far, edge = plane.corner[0] + 9 * plane.side, plane.corner[0] + plane.side
    np.testing.assert_array_equal(plane.at(far, 0.0), plane.at(edge, 0.0))


def test_the_square_holds_the_codes_and_the_standard_normal(planes):
    for plane, codes in ((planes["PCA"], CODES), (planes["VAE"], ELSEWHERE)):
        low, high = np.array(plane.corner), np.array(plane.corner) + plane.side
        assert (low < codes.numpy().min(axis=0)).all()
        assert (high > codes.numpy().max(axis=0)).all()
        assert (low <= -3.2).all()
        assert (high >= 3.2).all()


def test_a_plane_that_cannot_be_drawn_is_refused():
    square = {"corner": (0.0, 0.0), "side": 1.0}
    codes, pictures = np.zeros((3, 2)), np.zeros((2, 2, 4, 4))
    for given, message in (
        ({"codes": np.zeros((3, 3)), "pictures": pictures}, "codes must"),
        ({"codes": np.zeros((2, 2)), "pictures": pictures}, "codes must"),
        ({"codes": codes, "pictures": np.zeros((2, 3, 4, 4))}, "pictures must"),
        ({"codes": codes, "pictures": np.full((2, 2, 4, 4), np.nan)}, "pictures must be finite"),
        ({"codes": codes, "pictures": pictures, "side": 0.0}, "side must"),
    ):
        with pytest.raises(ValueError, match=message):
            LatentPlane(**{**square, **given})


def test_a_decoder_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="points must be at least 2"):
        decode_plane(straight, CODES, points=1)
    with pytest.raises(ValueError, match="decode must return pictures"):
        decode_plane(lambda z: straight(z)[:, 0], CODES)


def test_what_is_set_is_checked(explorer, planes):
    with pytest.raises(ValueError, match="planes is empty"):
        LatentPlaneExplorer({}, labels=LABELS)
    with pytest.raises(ValueError, match=r"planes\['PCA'\] marks 5 images, but there are 4 labels"):
        LatentPlaneExplorer(planes, labels=LABELS[:4])
    with pytest.raises(ValueError, match="model must be one of PCA, VAE, got 'AE'"):
        explorer.model = "AE"
    with pytest.raises(ValueError, match="point must hold two finite numbers"):
        explorer.point = [float("nan"), 0.0]
    assert (explorer.model, explorer.point) == ("PCA", [0.5, -1.0])


browser = pytest.mark.browser


def place(page):
    """Both coordinates, as the outputs show them."""
    texts = page.locator(".tvae-latent-plane output").all_inner_texts()
    return [float(text.replace("\u2212", "-")) for text in texts]


def shown_picture(page):
    levels = page.locator("canvas").evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    return np.array(levels).reshape(4, 4, 4)[..., 0]


def assert_shows(page, plane):
    expected = plane.at(*place(page)).clip(0, 1) * 255
    assert abs(shown_picture(page) - expected).max() <= 3  # quantised, and two decimals of place


@browser
def test_the_first_reading_is_an_image_and_its_code(opened, planes, reading):
    assert place(opened) == [0.5, -1.0]
    assert "PCA at (0.50, \u22121.00): the nearest code is of class 7, 0.00 away" in reading(opened)
    assert_shows(opened, planes["PCA"])


@browser
@pytest.mark.parametrize("steps", [(0, 0), (57, 131), (200, 90)])
@pytest.mark.parametrize("model", ["PCA", "VAE"])
def test_the_sliders_show_the_picture_that_python_decodes(opened, planes, model, steps):
    opened.get_by_label("model", exact=True).select_option(model)
    for slider, step in zip(opened.get_by_role("slider").all(), steps, strict=True):
        slider.fill(str(step))
    plane = planes[model]
    expected = np.array(plane.corner) + np.array(steps) / 200 * plane.side
    assert place(opened) == pytest.approx(expected, abs=0.0051)
    assert_shows(opened, plane)


@browser
def test_the_menu_keeps_the_nearest_image(opened, planes):
    opened.get_by_label("model", exact=True).select_option("VAE")
    assert place(opened) == pytest.approx(ELSEWHERE[0].tolist(), abs=0.0051)
    assert_shows(opened, planes["VAE"])


@browser
def test_dragging_moves_the_point_and_hovering_does_not(opened, planes):
    box = opened.locator(".tvae-ground").bounding_box()

    def at(right, up):
        return box["x"] + right * box["width"], box["y"] + (1 - up) * box["height"]

    opened.mouse.move(*at(0.25, 0.75))
    assert place(opened) == [0.5, -1.0]
    opened.mouse.down()
    opened.mouse.move(*at(0.5, 0.9))
    opened.mouse.up()
    opened.mouse.move(*at(0.1, 0.1))
    plane = planes["PCA"]
    expected = np.array(plane.corner) + np.array([0.5, 0.9]) * plane.side
    assert place(opened) == pytest.approx(expected, abs=0.03)
    assert_shows(opened, plane)


@browser
def test_arrow_keys_move_the_point_and_stop_at_the_edge(opened, planes):
    opened.locator("svg.tvae-plane").focus()
    opened.keyboard.press("ArrowUp")
    side = planes["PCA"].side
    assert place(opened) == pytest.approx([0.5, -1 + side / 50], abs=0.0051)
    for _ in range(11):
        opened.keyboard.press("Shift+ArrowLeft")
    assert place(opened)[0] == pytest.approx(planes["PCA"].corner[0], abs=0.0051)


@browser
def test_draws_have_the_spread_that_their_buttons_name(opened):
    opened.get_by_label("model", exact=True).select_option("VAE")

    def draws(name):
        button = opened.get_by_role("button", name=f"draw from the {name}")
        places = []
        for _ in range(150):
            button.click()
            places.append(place(opened))
        return np.array(places)

    assert abs(draws("standard normal").mean(axis=0)).max() < 0.5
    mean = ELSEWHERE.mean(dim=0).numpy()
    error = 5 * ELSEWHERE.std(dim=0).numpy() / 150**0.5
    assert (abs(draws("fitted normal").mean(axis=0) - mean) < error).all()


@browser
def test_codes_are_marked_with_their_class_and_the_drawing_is_described(opened):
    assert opened.locator(".tvae-code").all_text_contents() == LABELS
    described = opened.locator("svg.tvae-plane").get_attribute("aria-label")
    assert "Latent plane of PCA with the codes of 5 images" in described
    assert opened.locator("canvas").get_attribute("aria-label").startswith("Picture that PCA")
