"""Characters of four scripts, drawn from the fonts that Matplotlib ships.

Each picture is one character in one typeface, white on black, under a small random rotation,
shear, change of size and shift. The test part is drawn from typefaces that the training part never
shows (:data:`HELD_OUT`): a monospaced oblique, a bold serif, an italic serif, and for digits and
Latin also the sans serif of Computer Modern. Training keeps other styles of the same families, so
this tests new styles more than new designs. Digits and Latin have 21 typefaces (17 for training),
Greek and Cyrillic 16 (13), because Computer Modern comes without these scripts here.

The set of typefaces turns this round: every picture is the same letter, the class is the typeface,
and both parts have all 21. Only weight, slant, serifs and form tell the classes apart.
"""

import string
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor

from .imageset import ImageSet
from .request import Request

SCRIPTS = {
    "digits": string.digits,
    "latin": string.ascii_uppercase + string.ascii_lowercase,
    "greek": "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ" + "αβγδεζηθικλμνξοπρστυφχψω",
    "cyrillic": "".join(map(chr, range(ord("А"), ord("я") + 1))),
}
FACTOR_NAMES = ("character", "typeface")
HELD_OUT = ("DejaVuSansMono-Oblique", "DejaVuSerif-Bold", "STIXGeneralItalic", "cmss10")

# Matplotlib's other fonts hold symbols only, or, as cmmi10 and cmsy10, put other signs in the
# places of letters.
_ALL_SCRIPTS = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-Oblique",
    "DejaVuSans-BoldOblique",
    "DejaVuSansMono",
    "DejaVuSansMono-Bold",
    "DejaVuSansMono-Oblique",
    "DejaVuSansMono-BoldOblique",
    "DejaVuSerif",
    "DejaVuSerif-Bold",
    "DejaVuSerif-Italic",
    "DejaVuSerif-BoldItalic",
    "STIXGeneral",
    "STIXGeneralBol",
    "STIXGeneralItalic",
    "STIXGeneralBolIta",
)
_LATIN_ONLY = ("cmb10", "cmr10", "cmss10", "cmti10", "cmtt10")
# Matplotlib ships cmti10 since 3.11 only. Its place in the order numbers the typefaces behind it in
# measured tables, so it comes with this package for all older ones.
_OWN_FONTS = Path(__file__).parent / "fonts"

_LETTER = "g"  # of the set of typefaces: it has one storey in some and two in others
_SIZE_SLICES = 500

_LARGEST = 0.72  # of the picture's side: the longer side of a typeface's largest character
_ROTATION = 0.2  # radians, at most, to either side
_SHEAR = 0.12
_SCALE = (0.85, 1.05)
_SHIFT = 0.06  # of the picture's side, at most, in each direction
_OVERSAMPLING = 2
_TRIAL_HEIGHT = 100.0  # pixels
_PIXELS_AT_ONCE = 2**20


def typefaces(script: str) -> tuple[str, ...]:
    """Return the typefaces that hold a script, in the order of the factor ``typeface``."""
    return _ALL_SCRIPTS + (_LATIN_ONLY if script in ("digits", "latin") else ())


def font_path(face: str) -> Path:
    """Return where a typeface lies: in Matplotlib, or here for one that older ones lack.

    Args:
        face: one of :func:`typefaces`.

    Raises:
        FileNotFoundError: Matplotlib is not whole.
    """
    import matplotlib

    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{face}.ttf"
    if path.is_file():
        return path
    if (own := _OWN_FONTS / path.name).is_file():
        return own
    raise FileNotFoundError(f"{path} is missing; it belongs to Matplotlib: reinstall it")


def load(request: Request) -> ImageSet:
    """Draw random characters in random typefaces of the part that is asked for."""
    script = request.name.removeprefix("glyphs-")
    characters, faces = SCRIPTS[script], typefaces(script)
    allowed = torch.tensor(
        [number for number, face in enumerate(faces) if (face in HELD_OUT) == request.is_test]
    )
    generator = request.generator()
    count = request.count
    labels = torch.randint(len(characters), (count,), generator=generator)
    chosen = allowed[torch.randint(len(allowed), (count,), generator=generator)]
    jitter = torch.rand(count, 5, generator=generator)
    images = render(script, labels, chosen, jitter, size=request.size)
    factors = torch.stack((labels, chosen), dim=1)
    return request.deliver(images, labels, tuple(characters), factors, FACTOR_NAMES)


def load_typefaces(request: Request) -> ImageSet:
    """Draw one letter in random typefaces; the labels tell which.

    The range of sizes is cut into thin slices, and every fifth slice is for testing alone.
    """
    faces = typefaces("latin")
    generator = request.generator()
    count = request.count
    labels = torch.randint(len(faces), (count,), generator=generator)
    jitter = torch.rand(count, 5, generator=generator)
    slices = torch.randint(_SIZE_SLICES, (count,), generator=generator) * 5
    if request.is_test:
        slices += 4
    else:
        slices += torch.randint(4, (count,), generator=generator)
    jitter[:, 2] = (slices + jitter[:, 2]) / (5 * _SIZE_SLICES)
    letters = torch.full((count,), SCRIPTS["latin"].index(_LETTER))
    images = render("latin", letters, labels, jitter, size=request.size)
    return request.deliver(images, labels, faces)


def render(
    script: str,
    characters: Int64[Tensor, " count"],
    faces: Int64[Tensor, " count"],
    jitter: Float32[Tensor, "count 5"],
    *,
    size: int,
) -> UInt8[Tensor, "count 1 {size} {size}"]:
    """Draw characters under affine changes.

    Args:
        script: one of :data:`SCRIPTS`.
        characters: which character of the script each picture shows.
        faces: which of :func:`typefaces` it is set in.
        jitter: rotation, shear, size and shifts to the right and down, each in [0, 1], with 0.5 for
            none (0.75 for the size).
        size: side of the pictures, in pixels.
    """
    sheets = {int(face): _sheet(script, int(face), size) for face in faces.unique()}
    unit = 2 * jitter - 1
    rotation, shear = unit[:, 0] * _ROTATION, unit[:, 1] * _SHEAR
    scale = _SCALE[0] + (_SCALE[1] - _SCALE[0]) * jitter[:, 2]
    turn = torch.stack((rotation.cos(), -rotation.sin(), rotation.sin(), rotation.cos()), dim=1)
    lean = torch.eye(2).repeat(len(shear), 1, 1)
    lean[:, 0, 1] = shear
    # From a place in the picture back to the place on the sheet that it shows.
    linear = lean @ turn.view(-1, 2, 2) / scale.view(-1, 1, 1)
    shift = linear @ unit[:, 3:, None] * (2 * _SHIFT)
    back = torch.cat((linear, -shift), dim=2)

    images = torch.empty(len(characters), 1, size, size, dtype=torch.uint8)
    side = size * _OVERSAMPLING
    at_once = max(1, _PIXELS_AT_ONCE // side**2)
    for start in range(0, len(characters), at_once):
        part = slice(start, start + at_once)
        pairs = zip(faces[part].tolist(), characters[part].tolist(), strict=True)
        flat = torch.stack([sheets[face][character] for face, character in pairs])[:, None]
        grid = F.affine_grid(back[part], [len(flat), 1, side, side], align_corners=False)
        moved = F.grid_sample(flat.float(), grid, align_corners=False)
        images[part] = F.avg_pool2d(moved, _OVERSAMPLING).round_().clamp_(0, 255)
    return images


@lru_cache(maxsize=64)
def _sheet(script: str, face: int, size: int) -> UInt8[Tensor, "character height width"]:
    """Draw each character of a script once, straight and centred, at twice the size or so."""
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    path = font_path(typefaces(script)[face])
    side = size * _OVERSAMPLING

    def font_of(height: float) -> ImageFont.FreeTypeFont:
        return ImageFont.truetype(str(path), height, layout_engine=ImageFont.Layout.BASIC)

    def ink_of(font: ImageFont.FreeTypeFont, character: str) -> Image.Image:
        # Wide margins, because a character may reach far out of the box that its font names.
        paper = Image.new("L", (4 * int(font.size), 4 * int(font.size)))
        ImageDraw.Draw(paper).text((font.size, font.size), character, fill=255, font=font)
        return paper.crop(paper.getbbox())

    trial = font_of(_TRIAL_HEIGHT)
    largest = max(max(ink_of(trial, character).size) for character in SCRIPTS[script])
    font = font_of(_TRIAL_HEIGHT * _LARGEST * side / largest)
    drawn = []
    for character in SCRIPTS[script]:
        ink = ink_of(font, character)
        picture = Image.new("L", (side, side))
        picture.paste(ink, ((side - ink.width) // 2, (side - ink.height) // 2))
        drawn.append(np.asarray(picture))
    return torch.from_numpy(np.stack(drawn))
