"""Printed characters: typefaces, position, jitter."""

from pathlib import Path

import matplotlib
import pytest
import torch
from matplotlib.ft2font import FT2Font

from tutorial_vae.data import glyphs, load_images

NONE = torch.tensor([0.5, 0.5, 0.75, 0.5, 0.5])


@pytest.mark.parametrize("script", glyphs.SCRIPTS)
def test_every_typeface_holds_the_whole_script(script: str) -> None:
    faces = glyphs.typefaces(script)
    assert len(faces) >= 12
    for face in faces:
        font = FT2Font(str(glyphs.font_path(face)))
        characters = font.get_charmap()
        assert all(characters.get(ord(character)) for character in glyphs.SCRIPTS[script])


# What Matplotlib 3.8.0, the oldest that the package supports, has for text (3.10.0 has the same).
FONTS_OF_THE_FLOOR = {
    *(f"DejaVuSans{style}" for style in ("", "-Bold", "-Oblique", "-BoldOblique")),
    *(f"DejaVuSansMono{style}" for style in ("", "-Bold", "-Oblique", "-BoldOblique")),
    *(f"DejaVuSerif{style}" for style in ("", "-Bold", "-Italic", "-BoldItalic")),
    *(f"STIXGeneral{style}" for style in ("", "Bol", "Italic", "BolIta")),
    *(f"cm{style}10" for style in ("b", "ex", "mi", "r", "ss", "sy", "tt")),
}


@pytest.fixture
def floor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Matplotlib with no other typefaces than its oldest supported version has."""
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    (tmp_path / "fonts" / "ttf").mkdir(parents=True)
    for face in FONTS_OF_THE_FLOOR:
        (tmp_path / "fonts" / "ttf" / f"{face}.ttf").symlink_to(fonts / f"{face}.ttf")
    monkeypatch.setattr(matplotlib, "get_data_path", lambda: str(tmp_path))
    glyphs._sheet.cache_clear()


@pytest.mark.usefixtures("floor")
@pytest.mark.parametrize(
    "name", [*(f"glyphs-{script}" for script in glyphs.SCRIPTS), "glyphs-typefaces"]
)
def test_no_set_needs_a_typeface_that_the_oldest_matplotlib_lacks(name: str) -> None:
    for split in ("train", "test"):
        load_images(name, split, size=8, limit=400)


def test_the_typeface_that_comes_along_is_the_one_of_newer_matplotlibs() -> None:
    own = glyphs._OWN_FONTS / "cmti10.ttf"
    assert FT2Font(str(own)).postscript_name == "Cmti10"
    assert (own.parent / "LICENSE_BAKOMA.txt").read_text(encoding="utf-8").startswith("BaKoMa")
    theirs = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / own.name
    if not theirs.is_file():
        pytest.skip("this Matplotlib has no cmti10 to compare with")
    assert own.read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize("script", glyphs.SCRIPTS)
def test_training_and_testing_have_their_own_typefaces(script: str) -> None:
    shown = {}
    for split in ("train", "test"):
        images = load_images(f"glyphs-{script}", split, size=16, limit=400)
        assert images.factors is not None
        assert images.labels is not None
        assert torch.equal(images.factors[:, 0], images.labels)
        shown[split] = {glyphs.typefaces(script)[face] for face in images.factors[:, 1].tolist()}
    assert shown["test"] == set(glyphs.HELD_OUT) & set(glyphs.typefaces(script))
    assert shown["train"] == set(glyphs.typefaces(script)) - shown["test"]


def test_straight_glyphs_are_centred_and_look_like_themselves() -> None:
    digits = torch.arange(10)
    faces = torch.zeros(10, dtype=torch.int64)
    images = glyphs.render("digits", digits, faces, NONE.repeat(10, 1), size=32)[:, 0] > 128
    for image in images:
        rows, columns = (image.any(axis).nonzero()[:, 0] for axis in (1, 0))
        assert abs(rows[0] + rows[-1] - 31) <= 1
        assert abs(columns[0] + columns[-1] - 31) <= 1
        assert 21 <= len(rows) <= 24
    rows = images[7].any(1).nonzero()[:, 0]
    bar, foot = images[7][rows[1]].sum(), images[7][rows[-2]].sum()
    assert bar > 3 * foot  # it stands upright


def test_jitter_does_what_it_says() -> None:
    one = torch.tensor([1, 1])
    face = torch.zeros(2, dtype=torch.int64)
    jitter = NONE.repeat(2, 1)
    jitter[1, 3:] = 1
    straight, moved = glyphs.render("digits", one, face, jitter, size=100)[:, 0].float()
    places = torch.arange(100.0)
    for axis in (0, 1):
        centres = [(image.sum(axis) * places).sum() / image.sum() for image in (straight, moved)]
        assert centres[1] - centres[0] == pytest.approx(6, abs=0.3)


def test_glyphs_are_antialiased_and_not_cut() -> None:
    images = load_images("glyphs-cyrillic", limit=1000).images
    assert ((images > 0) & (images < 255)).float().mean() > 0.05
    border = torch.ones(32, 32, dtype=torch.bool)
    border[1:-1, 1:-1] = False
    assert (images[..., border] > 64).any(-1).float().mean() < 0.005


def test_the_set_of_typefaces_is_one_letter_whose_typeface_can_be_seen() -> None:
    faces = glyphs.typefaces("latin")
    train, test = (load_images("glyphs-typefaces", split, limit=700) for split in ("train", "test"))
    for images in (train, test):
        assert images.class_names == faces
        assert images.labels is not None
        assert images.labels.unique().tolist() == list(range(len(faces)))
    assert train.labels is not None
    distances = torch.cdist(*(part.images.flatten(1).float() for part in (test, train)))
    # A typeface and its oblique, jittered, are hard to tell apart; chance is 1 in 21.
    assert (train.labels[distances.argmin(1)] == test.labels).float().mean() > 0.5


def test_the_parts_of_the_set_of_typefaces_have_their_own_sizes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn = []
    original = glyphs.render

    def render(*arguments: object, size: int) -> torch.Tensor:
        drawn.append(arguments)
        return original(*arguments, size=size)

    monkeypatch.setattr(glyphs, "render", render)
    for is_test, split in enumerate(("train", "test")):
        images = load_images("glyphs-typefaces", split, size=8, limit=500)
        script, characters, faces, jitter = drawn[-1]
        assert {glyphs.SCRIPTS[script][character] for character in characters.tolist()} == {"g"}
        assert torch.equal(faces, images.labels)
        assert jitter.min() >= 0
        assert jitter.max() <= 1
        # Every fifth of 2500 slices is for testing; an edge may be rounded into the next.
        place = jitter[:, 2].double() * 2500 % 5
        assert ((place > 4 - 1e-3) & (place < 5) if is_test else place < 4 + 1e-3).all()
