"""What holds for every explorer: text, state and controls, in Python and in a real browser."""

import json
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import tutorial_vae as tv
import tutorial_vae_book as book
from tutorial_vae.evaluation import Quality
from tutorial_vae.explorer import front_end
from tutorial_vae.models import DenseDecoder
from tutorial_vae.transfer import assessment
from tutorial_vae.transfer.card_explorer import CardExplorer
from tutorial_vae_book.results import Summary

PICTURES = np.zeros((4, 2, 2))
# Classes that other programs give to the page around an explorer.
HOSTS = {
    "cell-output-ipywidget-background",
    "vscode-dark",
    "vscode-high-contrast",
    "vscode-high-contrast-light",
}


def bound():
    return book.BoundExplorer({"one peak": book.ScalarModel((0, 1), x=1.5, noise=0.5)})


def card():
    torch.manual_seed(0)
    model = tv.VAE((1, 8, 8), 2, architecture="mlp")
    digits = tv.load_images("digits", "test", size=8, limit=60)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assessment, "STEPS", 2)
        return CardExplorer(tv.assess(model, digits, progress=False))


def field():
    runs = {"task": "latin to greek", "fraction": 5.0, "setting": "lr=0.001", "seed": 0.0}
    rows = [
        runs | {"pretraining": kind, "method": "fine-tuning", "measure": "accuracy", "value": value}
        for kind, value in (("supervised", 0.9), ("none", 0.8))
    ]
    return book.FieldExplorer(rows, [])


def gallery():
    question = book.GalleryQuestion(
        text="Does it?", choices=["yes", "no"], always="yes", measure="gain"
    )
    card = book.GalleryCard(
        source="a",
        target="b",
        images=PICTURES.astype(np.uint8),
        reconstructions=PICTURES.astype(np.uint8),
        marks={"lead": book.EvidenceMark(0.1, [0.2], line=0.0)},
        answers={"help": "yes"},
        outcomes={"help": "no"},
        gains={"help": {"all": [-1.0]}},
    )
    return book.GalleryExplorer([card], {"help": question})


def genericity():
    controls = np.zeros((2, 3, 1))
    return book.GenericityExplorer(
        np.ones((2, 2, 3, 1)), controls, controls, sets=("a", "b"), layers=("encoder.mean",)
    )


def latent_plane():
    plane = book.LatentPlane(np.eye(3, 2), np.zeros((2, 2, 4, 4)), (-1.0, -1.0), 3.0)
    return book.LatentPlaneExplorer({"VAE": plane}, labels="123")


def layer():
    names, values = ("encoder.mean", "decoder.conv1"), np.eye(2)
    similarity = SimpleNamespace(values=values, rows=names, columns=names, chance=values / 2)
    return tv.LayerExplorer({"digits": similarity})


def method():
    runs = {"task": "a", "pretraining": "supervised", "fraction": 5.0, "setting": "lr=0.001"}
    rows = [
        runs | {"method": method, "seed": seed, "measure": "accuracy", "value": 0.5 + seed / 10}
        for method in ("fine-tuning", "l2-sp")
        for seed in (0.0, 1.0)
    ]
    more = [row | {"fraction": 100.0} for row in rows]
    return book.MethodExplorer(rows + more)


def path():
    run = {"task": "a", "path": "0", "seed": 0.0, "value": 0.5}
    row = run | {"start": "inherit", "measure": "validation"}
    return book.PathExplorer([row], [], [])


def plan():
    column = {"target": "a", "size": 100, "seed": 0, "measure": "elbo", "value": -1.0}
    rows = [column | {"source": "none", "plan": "scratch"}, column | {"source": "b", "plan": "all"}]
    return book.PlanExplorer(rows, tv.VAE((1, 8, 8), 2, architecture="mlp"))


def settling():
    steps = np.linspace(0, 1, 3).reshape(1, 3, 1)
    return book.SettlingExplorer({"a": steps}, steps=[0, 10, 100], layers=["encoder.mean"])


def training():
    curves, pictures = [[-3.0, -2.0, -1.0]] * 3, [np.zeros((3, *PICTURES.shape))] * 2
    run = book.TrainingRun([0, 10, 100], *curves, *pictures)
    return book.TrainingExplorer({"healthy": run, "broken": run}, originals=PICTURES)


def traversal():
    torch.manual_seed(0)
    model = tv.VAE((1, 8, 8), 2, architecture="mlp")
    model.decoder = DenseDecoder((1, 8, 8), 2, 8)
    images = tv.load_images("digits", "test", size=8, limit=3)
    return book.TraversalExplorer({1: model, 0.5: model}, images, examples=2)


def uses():
    both = ("VAE", "PCA")
    scores = book.Detection({"VAE": np.arange(4.0)}, np.arange(4) > 2)
    shown = {name: np.zeros((2, *PICTURES.shape)) for name in both}
    quality = Quality(0.1, 0.9, 3.0)
    curves = {name: [Summary(0.5, 0.4, 0.6, 5)] * 2 for name in both}
    return book.UsesExplorer(
        PICTURES,
        list("aabb"),
        generation=book.Generation(
            [0.5, 1.0], shown, {name: [quality] * 2 for name in both}, quality
        ),
        anomalies={"odd": scores},
        compression=book.Compression(
            [2.0, 1.0], [1.0, 2.0], PICTURES, shown, {name: [0.2, 0.1] for name in both}, np.eye(2)
        ),
        classification={"digits": book.LabelCurves([10, 100], curves)},
        clustering=book.Grouping([2, 3], {name: np.array([[0, 0, 1, 1]] * 2) for name in both}),
    )


# Under the name of its files how to make an explorer, and the text that notebooks store of it.
EXPLORERS = {
    "alignment": (
        book.AlignmentExplorer,
        "AlignmentExplorer(50 images, 1024 features, true CKA 0.00, 12 draws)",
    ),
    "bound": (bound, "BoundExplorer(one peak)"),
    "card": (card, "CardExplorer(60 images of digits)"),
    "divergence": (
        book.DivergenceExplorer,
        "DivergenceExplorer(KL(q‖p) = 0.818 nats, KL(p‖q) = 2.807 nats)",
    ),
    "field": (field, "FieldExplorer(24 boxes)"),
    "gallery": (gallery, "GalleryExplorer(1 card)"),
    "genericity": (genericity, "GenericityExplorer(2 × 2 sets × 3 seeds × 1 layers)"),
    "gradient": (book.GradientExplorer, "GradientExplorer(200 estimates by 3 estimators)"),
    "latent_plane": (latent_plane, "LatentPlaneExplorer(VAE)"),
    "layer": (layer, "LayerExplorer(1 × 2 × 2 layers)"),
    "method": (method, "MethodExplorer(1 task × 2 methods)"),
    "path": (path, "PathExplorer(1 task × 3 paths × 1 seed)"),
    "plan": (plan, "PlanExplorer(1 source × 1 target × 2 plans × 1 size)"),
    "settling": (settling, "SettlingExplorer(a)"),
    "training": (training, "TrainingExplorer(healthy, broken)"),
    "traversal": (traversal, "TraversalExplorer(beta=0.5, 1)"),
    "uses": (
        uses,
        "UsesExplorer(generation, anomaly detection, compression, classification, clustering)",
    ),
}


@pytest.fixture(params=EXPLORERS)
def name(request):
    return request.param


@pytest.fixture
def explorer(name):
    make, _ = EXPLORERS[name]
    return make()


def test_every_explorer_of_the_package_is_here():
    explorers = {name for name in dir(book) if name.endswith("Explorer")}
    explorers |= {"LayerExplorer", "CardExplorer"}
    assert {text.partition("(")[0] for _, text in EXPLORERS.values()} == explorers


def test_the_text_says_what_is_shown_and_has_no_address(name, explorer):
    assert repr(explorer) == EXPLORERS[name][1]


def test_the_state_is_small_and_reproducible_and_holds_the_front_end_of_the_package(name, explorer):
    state = explorer.get_state()
    assert state["_esm"] == front_end.script(sys.modules[type(explorer).__module__].__file__)
    assert state["_css"] == front_end.style(sys.modules[type(explorer).__module__].__file__)
    assert len(explorer.to_fragment()) < 80_000
    assert explorer.to_fragment() == explorer.to_fragment()


@pytest.mark.parametrize("name", ["alignment", "bound", "divergence", "gradient"], indirect=True)
def test_what_the_front_end_computes_does_not_travel(explorer):
    assert len(json.dumps(explorer.data)) < 1000


def test_the_front_end_has_names_of_its_own_and_writes_no_markup(explorer):
    state = explorer.get_state()
    rules = re.sub(r"/\*.*?\*/", "", state["_css"], flags=re.DOTALL)
    classes = set(re.findall(r"\.([a-z][\w-]*)", rules))
    assert {each for each in classes if not each.startswith("tvae-")} == HOSTS
    assert "innerHTML" not in state["_esm"]
    assert "https://" not in state["_esm"] + state["_css"]


def test_comments_and_indentation_of_a_module_stay_at_home(explorer):
    lines = str(explorer._esm).splitlines()
    assert all(line and line == line.strip() and not line.startswith("//") for line in lines)


@pytest.mark.browser
def test_the_page_written_to_a_file_opens_without_a_network(page, explorer, reading, tmp_path):
    explorer.to_html(tmp_path / "page.html", title="Title")
    page.goto((tmp_path / "page.html").as_uri())
    assert len(reading(page)) > 20


@pytest.mark.browser
def test_every_control_is_large_enough_to_touch_and_keeps_its_keys(opened):
    for control in opened.locator(".tvae-explorer :is(select, input, button)").all():
        assert control.get_attribute("data-lm-suppress-shortcuts") == "true"
        if control.is_visible():
            assert control.bounding_box()["height"] >= 40


@pytest.mark.browser
def test_every_drawing_has_words(opened):
    drawings = opened.locator(".tvae-explorer [role=img]:not([aria-hidden]):visible").all()
    assert drawings
    for drawing in drawings:
        assert len(drawing.get_attribute("aria-label")) > 10


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_never_scrolls_sideways(opened, width):
    opened.set_viewport_size({"width": width, "height": 900})
    opened.wait_for_function(f"() => document.documentElement.scrollWidth <= {width}")


@pytest.mark.browser
def test_every_colour_of_two_themes_follows_the_page(opened):
    colours = """() => {
      const box = document.querySelector(".tvae-explorer");
      const rules = document.querySelector("style.explorer-style").textContent;
      return [...rules.matchAll(/(--[\\w-]+): light-dark/g)].map(([, name]) => {
        box.style.outlineColor = `var(${name})`;
        return [name, getComputedStyle(box).outlineColor];
      });
    }"""
    light = opened.evaluate(colours)
    opened.evaluate("document.documentElement.dataset.theme = 'dark'")
    dark = opened.evaluate(colours)
    assert len(light) >= 12
    assert not [one[0] for one, other in zip(light, dark, strict=True) if one == other]
