"""The explorer on the Python side: what travels in its state, and the pages it writes."""

import base64
import json
import re
from types import SimpleNamespace

import numpy as np
import pytest

from tutorial_vae.explorer import front_end, unpack
from tutorial_vae.explorer.html import Section
from tutorial_vae.similarity import layer_explorer
from tutorial_vae.similarity.layer_explorer import LayerExplorer

LAYERS = ("encoder.conv1", "encoder.mean", "decoder.dense1")
PNG = b"\x89PNG\r\n\x1a\n" + b"rest of a picture"


def comparison(values=None, *, rows=LAYERS, columns=LAYERS, chance=0.0, n=500):
    if values is None:
        values = np.linspace(0, 1, len(rows) * len(columns)).reshape(len(rows), len(columns))
    values = np.asarray(values, dtype=float)
    return SimpleNamespace(
        values=values, rows=rows, columns=columns, chance=np.full(values.shape, chance), n=n
    )


def decode(data, name="values"):
    return unpack(data[name])


def test_values_survive_the_state_to_the_two_decimals_that_are_shown():
    values = np.random.default_rng(0).uniform(-0.2, 1, size=(40, 40))
    names = tuple(f"layer{i}" for i in range(40))
    explorer = LayerExplorer(comparison(values, rows=names, columns=names, chance=0.123))
    decoded = decode(explorer.data)[0]
    assert abs(decoded - values).max() <= 0.0025 + 1e-12
    assert [f"{v:.2f}" for v in decoded.ravel()] == [f"{v:.2f}" for v in values.ravel()]
    assert decode(explorer.data, "chance") == pytest.approx(0.123, abs=0.0025)


@pytest.mark.parametrize("value", [-1.0, -0.63, -0.26, -0.25, 0.0, 0.5, 0.93, 1.0])
def test_the_whole_range_of_a_similarity_is_shown_to_two_decimals(value):
    explorer = LayerExplorer(comparison(np.full((3, 3), value)))
    assert f"{decode(explorer.data)[0, 0, 0]:.2f}" in {f"{value:.2f}", f"-{value:.2f}"}


def test_undefined_values_stay_undefined():
    values = np.full((3, 3), 0.5)
    values[1] = np.nan
    explorer = LayerExplorer(comparison(values, chance=np.nan))
    np.testing.assert_array_equal(np.isnan(decode(explorer.data)[0]), np.isnan(values))
    assert np.isnan(decode(explorer.data, "chance")).all()


def test_everything_undefined_is_still_an_explorer():
    explorer = LayerExplorer(comparison(np.full((3, 3), np.nan), chance=np.nan))
    assert np.isnan(decode(explorer.data)).all()


def test_keys_of_several_selectors_keep_their_order():
    low, high = comparison(np.full((3, 3), 0.1)), comparison(np.full((3, 3), 0.9), n=64)
    explorer = LayerExplorer(
        {("digits", "trained"): high, ("letters", "untrained"): low},
        selectors=("images", "second model"),
    )
    assert explorer.data["keys"] == [["digits", "trained"], ["letters", "untrained"]]
    assert explorer.data["n"] == [64, 500]
    assert decode(explorer.data)[:, 0, 0] == pytest.approx([0.9, 0.1], abs=0.0025)
    assert explorer.choice == ["digits", "trained"]


def test_string_keys_and_a_single_comparison_are_accepted():
    assert LayerExplorer({"digits": comparison()}).choice == ["digits"]
    alone = LayerExplorer(comparison())
    assert alone.data["selectors"] == []
    assert alone.choice == []


def test_rows_and_columns_may_be_different_layers():
    explorer = LayerExplorer(comparison(np.zeros((3, 2)), columns=("conv1", "conv2")))
    assert decode(explorer.data).shape == (1, 3, 2)


def test_the_number_of_images_is_optional():
    similarity = comparison()
    del similarity.n
    assert LayerExplorer(similarity).data["n"] == [None]


@pytest.mark.parametrize(
    ("similarities", "options", "message"),
    [
        ({}, {}, "similarities is empty"),
        ({("a", "b"): comparison()}, {}, "one entry per selector"),
        ({"a": comparison()}, {"selectors": ("x", "y")}, "one entry per selector"),
        (
            {"a": comparison(), "b": comparison(rows=("x", "y", "z"))},
            {},
            r"similarities\['b'\].rows",
        ),
        (
            {"a": comparison(), "b": comparison(columns=("x", "y", "z"))},
            {},
            r"similarities\['b'\].columns",
        ),
        ({"a": comparison(np.zeros((2, 3)))}, {}, r"values has shape \(2, 3\)"),
        ({"a": comparison(np.zeros((0, 0)), rows=(), columns=())}, {}, "no layers"),
        ({"a": comparison(np.full((3, 3), 1.9))}, {}, "between -1 and 1"),
    ],
)
def test_what_cannot_be_shown_is_a_named_error(similarities, options, message):
    with pytest.raises(ValueError, match=message):
        LayerExplorer(similarities, **options)


def test_a_chance_of_another_shape_is_a_named_error():
    similarity = comparison()
    similarity.chance = np.zeros(3)
    with pytest.raises(ValueError, match=r"chance has shape \(3,\)"):
        LayerExplorer(similarity)


def test_the_choice_can_be_set_and_is_checked():
    explorer = LayerExplorer({"digits": comparison(), "letters": comparison()})
    explorer.choice = ["letters"]
    explorer.layer = "encoder.mean"
    with pytest.raises(ValueError, match="comparison must be one of digits, letters, got 'x'"):
        explorer.choice = ["x"]
    with pytest.raises(ValueError, match="choice must have 1 entries"):
        explorer.choice = []
    with pytest.raises(ValueError, match="layer must be one of"):
        explorer.layer = "x"
    assert (explorer.choice, explorer.layer) == (["letters"], "encoder.mean")


def test_an_ordinary_explorer_stays_small():
    names = tuple(f"decoder.conv{i}" for i in range(13))
    similarity = comparison(rows=names, columns=names)
    keys = [(images, model) for images in "abcd" for model in "xyz"]
    explorer = LayerExplorer(dict.fromkeys(keys, similarity), selectors=("images", "model"))
    assert len(explorer.to_fragment()) < 55_000


def test_the_state_holds_the_front_end_of_the_package():
    state = LayerExplorer(comparison()).get_state()
    assert state["_esm"] == front_end.script(layer_explorer.__file__)
    assert state["_css"] == front_end.style(layer_explorer.__file__)


def test_every_class_of_the_front_end_carries_the_prefix():
    state = LayerExplorer(comparison()).get_state()
    ours = re.sub(r"/\*.*?\*/", "", state["_css"], flags=re.DOTALL)
    classes = set(re.findall(r"\.([a-z][\w-]*)", ours))
    hosts = {"vscode-dark", "vscode-high-contrast", "vscode-high-contrast-light"}
    hosts.add("cell-output-ipywidget-background")
    assert {name for name in classes if not name.startswith("tvae-")} <= hosts
    assert "innerHTML" not in state["_esm"]
    assert "https://" not in state["_esm"] + state["_css"]


def test_the_stored_text_has_no_memory_address():
    assert repr(LayerExplorer(comparison())) == "LayerExplorer(1 × 3 × 3 layers)"


def test_a_fragment_is_reproducible_and_safe_inside_a_script_element():
    similarities = {"</script><b>": comparison()}
    fragment = LayerExplorer(similarities).to_fragment()
    assert fragment == LayerExplorer(similarities).to_fragment()
    scripts = re.findall(r'<script type="([^"]+)">(.*?)</script>', fragment, flags=re.DOTALL)
    (state_type, state), (view_type, view) = scripts
    assert state_type == "application/vnd.jupyter.widget-state+json"
    assert view_type == "application/vnd.jupyter.widget-view+json"
    model = json.loads(state)["state"][json.loads(view)["model_id"]]
    assert model["model_module"] == "anywidget"
    assert model["state"]["data"]["keys"] == [["</script><b>"]]
    assert "layout" not in model["state"]


def test_a_page_escapes_what_it_is_given(tmp_path):
    path = tmp_path / "report.html"
    LayerExplorer(comparison()).to_html(
        path,
        title="A < B {{STATE}}",
        introduction="first & last\n\nsecond paragraph",
        sections=[
            Section("<Method>", "500 images"),
            Section("Picture", picture=PNG, alt='"quoted"'),
        ],
    )
    page = path.read_text(encoding="utf-8")
    assert "<h1>A &lt; B {{STATE}}</h1>" in page
    assert "<p>first &amp; last</p>\n<p>second paragraph</p>" in page
    assert "<h2>&lt;Method&gt;</h2>\n<p>500 images</p>" in page
    assert base64.b64encode(PNG).decode() in page
    assert 'alt="&quot;quoted&quot;"' in page
    assert not re.findall(r'(?:src|href)="(?!data:)', page)


def test_a_page_replaces_an_old_one_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    LayerExplorer(comparison()).to_html(path, title="New")
    assert "<h1>New</h1>" in path.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [path]


def test_a_page_that_cannot_be_written_is_a_named_error(tmp_path):
    explorer = LayerExplorer(comparison())
    with pytest.raises(FileNotFoundError, match="missing does not exist"):
        explorer.to_html(tmp_path / "missing" / "report.html", title="x")
    with pytest.raises(ValueError, match="needs alt"):
        explorer.to_html(tmp_path / "r.html", title="x", sections=[Section("s", picture=PNG)])
    with pytest.raises(ValueError, match="PNG"):
        explorer.to_html(
            tmp_path / "r.html", title="x", sections=[Section("s", picture=b"GIF", alt="y")]
        )
    assert not list(tmp_path.iterdir())
