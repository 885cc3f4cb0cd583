"""The card: sets whose answer is known, and what cannot be answered."""

import json
import math
import re

import numpy as np
import pytest
import torch

import tutorial_vae as tv
from tutorial_vae.cli import main
from tutorial_vae.evaluation import encode_images
from tutorial_vae.transfer import assessment, knn_accuracy, logme
from tutorial_vae.transfer.ratings import rate

SIDE = 8


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(assessment, "STEPS", 5)


def stripes(n, *, classes=2, seed=0):
    """Images of bright rows, whose place is the class, in noise; and their classes."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, n)
    pixels = random.integers(0, 90, (n, 1, SIDE, SIDE))
    pixels[np.arange(n), 0, labels] = 255
    return torch.from_numpy(pixels.astype(np.uint8)), torch.from_numpy(labels)


@pytest.fixture(scope="module")
def source():
    torch.manual_seed(0)
    model = tv.VAE((1, SIDE, SIDE), 3, architecture="mlp")
    tv.fit(model, stripes(300)[0], steps=150, progress=False)
    return model


def assess(source, images, labels=None, **options):
    return tv.assess(source, images, labels, progress=False, **options)


@pytest.fixture(scope="module")
def card(source):
    images, labels = stripes(300, seed=1)
    own, own_labels = stripes(100, seed=2)
    own_set = tv.ImageSet("stripes", own, own_labels, class_names=("a", "b"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assessment, "STEPS", 5)
        return assess(source, images, labels, source_images=own_set)


def test_a_source_of_the_same_images_helps(card):
    assert card.recommendation.reconstruction.answer == "likely"
    assert card.scores["knn_accuracy"]["source"].value > 0.95
    assert card.recommendation.classification.answer in ("likely", "cannot tell")
    assert card.errors["source"].value < card.errors["mean image"].value


def test_scores_are_those_of_the_functions(card, source):
    means = encode_images(source, card.images).mean.double()
    for name, score in (("knn_accuracy", knn_accuracy), ("logme", logme)):
        assert card.scores[name]["source"].value == pytest.approx(score(means, card.images.labels))
    assert card.scores["leep"]["source"].value == pytest.approx(0, abs=0.2)
    assert card.scores["leep"]["source"].value > -math.log(2)
    assert set(card.scores["h_score"]) == {"source", "target", "untrained", "pca"}


def test_leads_are_differences_and_lie_in_their_intervals(card):
    for score, of in card.leads.items():
        assert set(of) == set(card.scores[score]) - {"source"}
        for name, (value, low, high) in of.items():
            scores = card.scores[score]
            assert value == pytest.approx(scores["source"].value - scores[name].value)
            assert low <= value <= high


def test_pairs_of_one_representation_do_not_differ():
    random = np.random.default_rng(0)
    features, labels = random.normal(size=(60, 2)), random.integers(0, 2, 60)
    _, leads = rate({"source": features, "pca": features}, {}, labels, seed=0)
    assert all(of["pca"] == (0, 0, 0) for of in leads.values())


def test_layers_are_compared_with_the_target_model_and_the_labels(card, source):
    assert card.layers == source.layer_names
    assert set(card.alignment) == {"target model", "labels"}
    assert set(card.alignment["labels"]) == {"source", "target", "untrained"}
    at_mean = card.layers.index("encoder.mean")
    profile = card.alignment["labels"]["source"]
    with_labels = card.scores["label_cka"]["source"].value
    assert profile.value[at_mean] == pytest.approx(with_labels, abs=1e-4)
    assert (profile.low <= profile.value).all()


def test_the_model_and_the_random_state_are_left_alone(source):
    images, _ = stripes(40)
    before = {name: value.clone() for name, value in source.state_dict().items()}
    state = torch.get_rng_state()
    first, second = assess(source, images), assess(source, images)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in source.state_dict().items())
    assert first.to_dict() == second.to_dict()


def test_without_labels_the_card_says_what_it_can(source):
    card = assess(source, stripes(60)[0])
    assert (card.scores, card.leads) == ({}, {})
    assert set(card.alignment) == {"target model"}
    assert card.recommendation.classification.answer == "cannot tell"
    assert "it already draws some" in str(card.recommendation.reconstruction)
    assert card.source_units is None


def test_one_class_and_classes_of_one_image_cannot_be_told(source):
    images, _ = stripes(60)
    one = assess(source, images, np.zeros(60, dtype=int))
    assert (one.scores, one.recommendation.classification.answer) == ({}, "cannot tell")
    singles = assess(source, images, np.arange(60))
    assert singles.recommendation.classification.answer == "cannot tell"
    assert "1.0 images of each class" in str(singles.recommendation)


def test_few_images_answer_nothing_but_are_shown(source):
    card = assess(source, *stripes(20))
    assert "There are 20 images" in str(card.recommendation)
    assert card.held_out == 4


@pytest.mark.parametrize(
    ("images", "options", "words"),
    [
        (stripes(3)[0], {}, "at least 20 images, not 3"),
        (stripes(1)[0].expand(30, -1, -1, -1), {}, "all of them are the same"),
        (torch.zeros(30, 1, 16, 16), {}, "size=8, channels=1"),
        (stripes(30)[0], {"limit": 5}, "limit must be from 20 to 2,000, not 5"),
        (stripes(30)[0], {"labels": torch.zeros(29, dtype=torch.long)}, r"shape \(30,\)"),
        (stripes(30)[0], {"labels": torch.zeros(30)}, "whole numbers"),
        (stripes(30)[0], {"source_images": torch.zeros(9, 3, 8, 8)}, "the model was made for"),
    ],
)
def test_what_cannot_be_assessed_is_a_named_error(source, images, options, words):
    with pytest.raises(ValueError, match=words):
        assess(source, images, **options)


def test_more_images_than_the_limit_are_a_random_part(source):
    card = assess(source, *stripes(200), limit=50)
    assert (len(card.images), card.held_out) == (50, 10)


def test_the_numbers_are_json_and_the_page_needs_nothing_else(card, tmp_path):
    card.to_json(tmp_path / "card.json")
    numbers = json.loads((tmp_path / "card.json").read_text(encoding="utf-8"))
    assert numbers["images"]["count"] == 300
    assert numbers["recommendation"]["reconstruction"]["answer"] == "likely"
    card.to_html(tmp_path / "card.html", title="Will <it> help?")
    page = (tmp_path / "card.html").read_text(encoding="utf-8")
    assert "<h1>Will &lt;it&gt; help?</h1>" in page
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert len(page) < 1_000_000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["card.html", "card.json"]


def test_what_is_not_finite_is_null_in_json(source):
    black = torch.zeros(40, 1, SIDE, SIDE, dtype=torch.uint8)
    black[0, 0, 0, 0] = 255
    card = assess(source, black, np.arange(40) % 2)
    json.dumps(card.to_dict(), allow_nan=False)


def test_the_figure_shows_what_there_is(card, source):
    titles = [ax.get_title(loc="left") for ax in card.plot().axes]
    assert {"CKA with labels", "LogME", "variance of latents"} <= set(titles)
    unlabelled = assess(source, stripes(60)[0]).plot()
    assert "CKA with labels" not in [ax.get_title(loc="left") for ax in unlabelled.axes]


def test_the_command_writes_a_card(source, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tv.save_model(source, "model.safetensors")
    images, labels = stripes(80)
    np.savez("target.npz", images=images.squeeze(1).numpy(), labels=labels.numpy())
    arguments = ["assess", "model.safetensors", "--to", "npz:target.npz", "-o", "card.html"]
    assert main([*arguments, "--json", "card.json"]) == 0
    said = capsys.readouterr().out
    assert "Which plan to try first?" in said
    assert "did harm more often" in said
    page = (tmp_path / "card.html").read_text(encoding="utf-8")
    assert "<h1>Will model help on npz:target.npz?</h1>" in page
    assert (
        json.loads((tmp_path / "card.json").read_text(encoding="utf-8"))["images"]["classes"] == 2
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nothing", "--to", "digits", "-o", "card.html"), "no model of that name"),
        (("solids", "--to", "digit", "-o", "card.html"), "did you mean 'digits'"),
        (("solids", "--to", "digits", "-o", "nowhere/card.html"), "nowhere does not exist"),
        (("solids", "--to", "digits", "-o", "c.html", "--json", "no/c.json"), "no does not exist"),
        (("solids", "--to", "digits", "-o", "card.html", "--limit", "3"), "limit must be from 20"),
        (("solids", "--to", "folder:nowhere", "-o", "card.html"), "nowhere"),
        (("solids", "--to", "digits", "-o", "c.html", "--device", "abacus"), "device 'abacus'"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    assert main(["assess", *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_inverted_images_are_recognised(source):
    inverted = assess(source, 255 - stripes(80)[0])
    assert "Try inverted images." in str(inverted.recommendation)
