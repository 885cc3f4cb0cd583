"""Every kind of picture file that users have, and every way in which one can be broken."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tutorial_vae.data.pictures import read_picture, readable_extensions

RAMP = np.linspace(0, 255, 16).round().astype(np.uint8)[None].repeat(16, 0)


def saved(path: Path, picture: Image.Image, **options: Any) -> torch.Tensor:
    picture.save(path, **options)
    return read_picture(path, 16)


@pytest.mark.parametrize("ending", ["png", "bmp", "pgm", "tiff", "gif", "webp", "jpg", "jp2"])
def test_grey_in_many_formats(tmp_path: Path, ending: str) -> None:
    options = {"lossless": True} if ending == "webp" else {}
    pixels = saved(tmp_path / f"x.{ending}", Image.fromarray(RAMP), **options)
    if ending in ("gif", "webp"):  # these have palettes and colour only
        assert pixels.shape == (3, 16, 16)
    else:
        assert pixels.shape == (1, 16, 16)
    assert (pixels[0].int() - torch.from_numpy(RAMP).int()).abs().max() <= (ending == "jpg") * 4


@pytest.mark.parametrize(
    ("values", "ending"),
    [
        (RAMP.astype(np.uint16) * 257, "png"),
        (RAMP.astype(np.uint16) * 257, "tiff"),
        (RAMP.astype(np.uint16) * 257, "pgm"),
        (RAMP.astype(np.int32) * 257, "tiff"),
        (RAMP.astype(np.float32) / 255, "tiff"),
        (RAMP.astype(np.float32), "tiff"),
    ],
)
def test_deeper_pixels_become_eight_bit(tmp_path: Path, values: np.ndarray, ending: str) -> None:
    pixels = saved(tmp_path / f"x.{ending}", Image.fromarray(values))
    assert torch.equal(pixels[0], torch.from_numpy(RAMP))


def test_one_bit(tmp_path: Path) -> None:
    checks = np.indices((16, 16)).sum(0) % 2 == 0
    pixels = saved(tmp_path / "x.png", Image.fromarray(checks))
    assert torch.equal(pixels[0], torch.from_numpy(checks).to(torch.uint8) * 255)


@pytest.mark.parametrize("mode", ["RGB", "CMYK", "YCbCr", "LAB", "P"])
def test_colour_models_become_rgb(tmp_path: Path, mode: str) -> None:
    red = Image.new("RGB", (16, 16), (250, 10, 20))
    if mode == "LAB":
        from PIL import ImageCms

        to_lab = ImageCms.buildTransform(
            ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
        )
        other = to_lab.apply(red)
    else:
        other = red.quantize() if mode == "P" else red.convert(mode)
    pixels = saved(tmp_path / ("x.png" if mode in ("RGB", "P") else "x.tiff"), other)
    assert pixels.shape == (3, 16, 16)
    assert (pixels[:, 0, 0].int() - torch.tensor([250, 10, 20])).abs().max() <= 12


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_parts_show_white(tmp_path: Path, mode: str) -> None:
    picture = Image.new("RGBA", (16, 16), (0, 0, 0, 0))
    picture.paste((0, 0, 0, 255), (0, 0, 8, 16))
    pixels = saved(tmp_path / "x.png", picture.convert(mode))
    assert pixels.shape[0] == (3 if mode == "RGBA" else 1)
    assert (pixels[..., :8] == 0).all()
    assert (pixels[..., 8:] == 255).all()


def test_a_transparent_palette_entry_shows_white(tmp_path: Path) -> None:
    picture = Image.new("P", (16, 16), 1)
    picture.putpalette([200, 0, 0, 0, 0, 0])
    pixels = saved(tmp_path / "x.gif", picture, transparency=1)
    assert (pixels == 255).all()


def test_a_transparent_grey_of_sixteen_bits_shows_white(tmp_path: Path) -> None:
    values = RAMP.astype(np.uint16) * 257
    values[:, :8] = 7
    pixels = saved(tmp_path / "x.png", Image.fromarray(values), transparency=7)
    assert (pixels[0, :, :8] == 255).all()
    assert torch.equal(pixels[0, :, 8:], torch.from_numpy(RAMP[:, 8:]))


def test_the_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("L", (16, 16), value) for value in (40, 200)]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    assert (read_picture(tmp_path / "x.gif", 16) == 40).all()


def test_the_camera_s_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the top of the scene is at the right of what is stored
    stored = Image.fromarray(RAMP.T.copy()).rotate(90)
    pixels = saved(tmp_path / "x.png", stored, exif=exif)
    assert torch.equal(pixels[0], torch.from_numpy(np.asarray(stored.rotate(-90)).copy()))


def test_a_wide_picture_keeps_its_middle(tmp_path: Path) -> None:
    wide = Image.new("L", (48, 16))
    wide.paste(255, (16, 0, 32, 16))
    assert (saved(tmp_path / "x.png", wide) == 255).all()


def test_names_in_any_script(tmp_path: Path) -> None:
    assert saved(tmp_path / "чаша 🫖 é.png", Image.fromarray(RAMP)).shape == (1, 16, 16)


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "bmp", "tiff", "webp"])
@pytest.mark.parametrize("part", [0.0, 0.1, 0.6, 0.95])
def test_a_picture_cut_short_is_named(tmp_path: Path, ending: str, part: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    path = tmp_path / f"x.{ending}"
    Image.fromarray(noise).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(ValueError, match=rf"x\.{ending} cannot be read as a picture"):
        read_picture(path, 16)


def test_something_else_under_a_picture_s_name(tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("not a picture")
    with pytest.raises(ValueError, match=r"notes\.png cannot be read as a picture"):
        read_picture(tmp_path / "notes.png", 16)


@pytest.mark.parametrize("factor", [0.6, 0.4])
def test_a_picture_too_large_to_be_safe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, factor: float
) -> None:
    Image.fromarray(RAMP).save(tmp_path / "x.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", int(256 * factor))
    with pytest.raises(ValueError, match=r"x\.png is too large"):
        read_picture(tmp_path / "x.png", 16)


def test_whole_numbers_that_do_not_fit(tmp_path: Path) -> None:
    Image.fromarray(RAMP.astype(np.int32) * 100_000).save(tmp_path / "x.tiff")
    with pytest.raises(ValueError, match=r"x\.tiff ranges from 0 to 25500000; save it with 8"):
        read_picture(tmp_path / "x.tiff", 16)


def test_endings_are_those_of_pictures() -> None:
    endings = readable_extensions()
    assert {".png", ".jpg", ".jpeg", ".tif", ".gif", ".webp", ".pgm"} <= endings
    assert not {".txt", ".md", ".db", ".csv", ".pdf", ""} & endings
