"""What a reader chooses, and how arrays travel: the part of the explorers' kit in Python."""

import numpy as np
import pytest

from tutorial_vae.explorer import (
    Choice,
    ChoiceExplorer,
    Range,
    pack,
    pack_pictures,
    pack_rows,
    unpack,
)


class Small(ChoiceExplorer):
    _esm = "export default { render() {} }"
    layer = Choice("layer", slider=True)
    seed = Choice("seed")
    width = Range("how wide")


def small(**start):
    values = {"layer": np.array([3, 5]), "seed": [0, None], "width": (0.5, 2, 0.1)}
    return Small(values, start, more="text")


def test_the_first_values_are_chosen_unless_others_are():
    assert [(e.layer, e.seed, e.width) for e in (small(), small(layer=5, width=1))] == [
        (3, 0, 0.5),
        (5, 0, 1.0),
    ]
    assert small().data["choices"]["width"] == {
        "label": "how wide", "low": 0.5, "high": 2, "step": 0.1
    }  # fmt: skip
    assert small().data["more"] == "text"


def test_what_is_set_must_be_one_of_the_values_or_lie_between_the_ends():
    explorer = small()
    explorer.seed = None
    explorer.layer = np.int64(5)
    assert type(explorer.layer) in (int, np.int64)
    with pytest.raises(ValueError, match="seed must be one of 0, None, got 2"):
        explorer.seed = 2
    with pytest.raises(ValueError, match=r"width must be from 0\.5 to 2, got 3"):
        explorer.width = 3
    assert (explorer.seed, explorer.layer, explorer.width) == (None, 5, 0.5)


def test_numbers_travel_in_single_precision_with_their_shape():
    values = np.array([[7.6, np.nan, -0.0012], [1e6, 1e-6, 0.1]])
    packed = pack(values, "values", "rows", 3, gaps=True)
    np.testing.assert_array_equal(unpack(packed), values.astype("f4"))


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([[1.0]], {}, r"x must have the shape \(seeds, 2\), not \(1, 1\)"),
        ([1.0, 2.0], {}, r"not \(2,\)"),
        ([[1.0, np.nan]], {}, "x must lie between"),
        ([[1.0, 3.0]], {"high": 2.0}, "x must lie between -inf and 2, got values from 1 to 3"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(values, options, message):
    with pytest.raises(ValueError, match=message):
        pack(values, "x", "seeds", 2, **options)


def test_a_table_becomes_an_array_with_an_axis_a_column():
    rows = [
        {"task": task, "seed": seed, "measure": measure, "value": value}
        for task, seed, measure, value in (
            ("a", 0.0, "kl", 1.0), ("b", 1.0, "kl", 2.0),
            ("b", 0.0, "elbo", 3.0), ("c", 0.0, "kl", 4.0),
        )
    ]  # fmt: skip
    packed = pack_rows(rows, "kl", {"task": ["b", "a"], "seed": [0, 1]})
    np.testing.assert_array_equal(unpack(packed), [[np.nan, 2.0], [1.0, np.nan]])


def test_two_pixels_travel_in_a_byte():
    packed = pack_pictures(np.array([[[0.0, 1.0, -3.0]]]))
    assert packed == {"shape": [1, 1, 3], "greys": "DwA="}
