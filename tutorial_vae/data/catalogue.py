"""The named sets: what each is, how large, whose, and where it comes from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DataSetInfo:
    """One line of the catalogue.

    Attributes:
        name: what ``load_images`` takes.
        summary: what the pictures show.
        image_shape: channels, height and width of the stored pictures; for sets that are drawn,
            of the size that they are usually drawn at. ``load_images`` resizes to any size.
        train_count: images in the training part. Sets that are drawn give as many as this when no
            ``limit`` is named, and more or fewer when one is.
        test_count: the same for the test part.
        licence: terms of use of the pictures, as far as their publisher states them.
        source: who made them, or what they are drawn from.
        offline: whether the set works without a network from the first time on.
    """

    name: str
    summary: str
    image_shape: tuple[int, int, int]
    train_count: int
    test_count: int
    licence: str
    source: str
    offline: bool


_GREY = (1, 32, 32)
_IDX = (1, 28, 28)
_COLOUR = (3, 32, 32)
_DRAWN = "MIT, like this package"
_FONTS = "free: DejaVu, STIX and BaKoMa font licences"
_FACES_21 = "21 typefaces that Matplotlib ships, 4 of them for testing only"
_FACES_16 = "16 typefaces that Matplotlib ships, 3 of them for testing only"

_SETS = (
    DataSetInfo(
        "dsprites",
        "square, ellipse or heart in every size, turn and place",
        (1, 64, 64),
        10_000,
        2_000,
        _DRAWN,
        "drawn here on the factor grid of dSprites (Matthey et al. 2017), not the published file",
        True,
    ),
    DataSetInfo(
        "glyphs-digits", "printed digits, jittered", _GREY, 10_000, 2_000, _FONTS, _FACES_21, True
    ),
    DataSetInfo(
        "glyphs-latin",
        "printed A–Z and a–z, jittered",
        _GREY,
        10_000,
        2_000,
        _FONTS,
        _FACES_21,
        True,
    ),
    DataSetInfo(
        "glyphs-greek",
        "printed Α–Ω and α–ω, jittered",
        _GREY,
        10_000,
        2_000,
        _FONTS,
        _FACES_16,
        True,
    ),
    DataSetInfo(
        "glyphs-cyrillic",
        "printed А–Я and а–я, jittered",
        _GREY,
        10_000,
        2_000,
        _FONTS,
        _FACES_16,
        True,
    ),
    DataSetInfo(
        "glyphs-typefaces",
        "the letter g, jittered; its typeface is the class",
        _GREY,
        10_000,
        2_000,
        _FONTS,
        "21 typefaces that Matplotlib ships; test has other sizes",
        True,
    ),
    DataSetInfo(
        "solids",
        "seven solids, turned at random and softly lit",
        _GREY,
        10_000,
        2_000,
        _DRAWN,
        "drawn here by casting rays",
        True,
    ),
    DataSetInfo(
        "patches",
        "crops of two colour photographs",
        _COLOUR,
        10_000,
        2_000,
        "CC BY 2.0",
        "scikit-learn's sample images, by danielbuechele and vultilion",
        True,
    ),
    DataSetInfo(
        "digits",
        "handwritten digits, 8×8",
        (1, 8, 8),
        1_437,
        360,
        "CC BY 4.0",
        "scikit-learn's copy of the UCI optical digits (Alpaydin & Kaynak 1998)",
        True,
    ),
    DataSetInfo(
        "mnist",
        "handwritten digits",
        _IDX,
        60_000,
        10_000,
        "CC BY-SA 3.0",
        "LeCun, Cortes & Burges 1998",
        False,
    ),
    DataSetInfo(
        "fashion-mnist",
        "clothes, shoes and bags",
        _IDX,
        60_000,
        10_000,
        "MIT",
        "Xiao, Rasul & Vollgraf 2017",
        False,
    ),
    DataSetInfo(
        "kmnist",
        "handwritten hiragana of old Japanese books",
        _IDX,
        60_000,
        10_000,
        "CC BY-SA 4.0",
        "Clanuwat et al. 2018",
        False,
    ),
    DataSetInfo(
        "emnist-letters",
        "handwritten letters, both cases in one class",
        _IDX,
        124_800,
        20_800,
        "none stated",
        "Cohen et al. 2017, from NIST Special Database 19",
        False,
    ),
    DataSetInfo(
        "usps",
        "digits of scanned post codes",
        (1, 16, 16),
        7_291,
        2_007,
        "none stated",
        "Hull 1994",
        False,
    ),
    DataSetInfo(
        "svhn",
        "house numbers, the digit in the middle counts",
        _COLOUR,
        73_257,
        26_032,
        "non-commercial use",
        "Netzer et al. 2011",
        False,
    ),
    DataSetInfo(
        "cifar10",
        "photographs of ten kinds of things",
        _COLOUR,
        50_000,
        10_000,
        "none stated",
        "Krizhevsky 2009",
        False,
    ),
    DataSetInfo(
        "omniglot",
        "handwritten characters of 50 alphabets, 20 of each",
        (1, 105, 105),
        19_280,
        13_180,
        "MIT",
        "Lake, Salakhutdinov & Tenenbaum 2015; test has other alphabets",
        False,
    ),
    DataSetInfo(
        "celeba",
        "faces, with 40 attributes as factors",
        (3, 218, 178),
        162_770,
        19_962,
        "non-commercial research",
        "Liu et al. 2015; needs the package gdown to download",
        False,
    ),
)

CATALOGUE: dict[str, DataSetInfo] = {info.name: info for info in _SETS}
