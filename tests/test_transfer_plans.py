"""Component plans: which layers and parameters of a model each of them names."""

from pathlib import Path

import pytest

from tutorial_vae import PLANS, VAE, Plan

HEADS = ("encoder.mean", "encoder.log_var")
ENCODER = (*(f"encoder.conv{i}" for i in range(1, 5)), "encoder.dense", *HEADS)
DECODER = ("decoder.dense1", "decoder.dense2", *(f"decoder.conv{i}" for i in range(1, 5)))
TRAINED_AND_RESET = {
    "frozen": ((), ()),
    "heads": (HEADS, ()),
    "heads-and-first-decoder-layer": ((*HEADS, "decoder.dense1"), (*HEADS, "decoder.dense1")),
    "decoder": (DECODER, ()),
    "encoder": (ENCODER, ()),
    "decoder-reset": (DECODER, DECODER),
    "encoder-reset": (ENCODER, ENCODER),
    "all": (ENCODER + DECODER, ()),
    "scratch": (ENCODER + DECODER, ENCODER + DECODER),
    "new-ends": (ENCODER + DECODER, ()),
}


@pytest.fixture(scope="module")
def model():
    return VAE((1, 16, 16), 2)


def test_the_plans_are_those_of_the_table():
    assert set(PLANS) == set(TRAINED_AND_RESET)


@pytest.mark.parametrize("name", PLANS)
def test_every_plan_names_its_layers_and_parameters(model, name):
    plan = PLANS[name]
    trained, reset = TRAINED_AND_RESET[name]
    assert plan.name == name
    assert plan.trained_layers(model) == trained
    assert plan.reset_layers(model) == reset
    assert plan.trained(model) == tuple(
        key
        for key, _ in model.named_parameters()
        if key.startswith(tuple(f"{t}." for t in trained))
    )
    assert plan.summary.endswith(".")
    assert "inherited" in plan.summary


@pytest.mark.parametrize(("architecture", "first"), [("mlp", "dense1"), ("linear", "pixels")])
def test_first_layers_are_found_in_every_architecture(architecture, first):
    model = VAE((1, 16, 16), 2, architecture=architecture)
    plan = PLANS["heads-and-first-decoder-layer"]
    assert plan.trained_layers(model) == (*HEADS, f"decoder.{first}")
    start = Plan("start", train=("encoder.first",))
    assert start.trained_layers(model) == model.layer_names[:1]


def test_a_learned_scale_goes_with_the_last_layer():
    model = VAE((1, 16, 16), 2, architecture="mlp", likelihood="gaussian")
    with_scale = {name for name, plan in PLANS.items() if "log_scale" in plan.trained(model)}
    assert with_scale == {"decoder", "decoder-reset", "all", "scratch", "new-ends"}
    assert "log_scale" in Plan("last", train=("decoder.pixels",)).trained(model)
    assert "log_scale" not in Plan("rest", freeze=("decoder.pixels",)).trained(model)


def test_freezing_is_the_complement_of_training(model):
    train = Plan("train", train=["encoder", "decoder.dense1"])
    freeze = Plan("freeze", freeze=DECODER[1:])
    assert train.trained(model) == freeze.trained(model)
    assert train.train == ("encoder", "decoder.dense1")
    assert hash(train) != hash(freeze)


def test_unknown_layers_are_named_with_a_near_match(model):
    for choice in ("train", "freeze"):
        plan = Plan("mine", **{choice: ("encoder.conv9",)})
        with pytest.raises(
            ValueError, match=r"'mine' names 'encoder\.conv9'.*did you mean 'enc"
        ) as e:
            plan.trained(model)
        assert ", ".join(model.layer_names) in str(e.value)
    # Only whole parts of a name count as a prefix.
    with pytest.raises(ValueError, match=r"'encoder\.conv', 'qqq'"):
        Plan("mine", train=("encoder.conv", "qqq")).trained(model)
    with pytest.raises(ValueError, match=r"'decoder\.flat'"):
        Plan("mine", freeze=(), reset=("decoder.flat",)).reset_layers(model)


def test_what_is_no_plan_is_refused(model):
    for choices in ({}, {"train": (), "freeze": ()}):
        with pytest.raises(ValueError, match="one of train and freeze"):
            Plan("mine", **choices)
    with pytest.raises(TypeError, match=r"train must be .*\('encoder',\)"):
        Plan("mine", train="encoder")
    plan = Plan("mine", train=("encoder",), reset=("encoder.mean", "decoder.dense1"))
    with pytest.raises(ValueError, match=r"fresh weights to decoder\.dense1 without training"):
        plan.reset_layers(model)


def test_the_page_of_the_book_lists_every_plan():
    page = (Path(__file__).parents[1] / "book" / "api" / "transfer.md").read_text(encoding="utf-8")
    for plan in PLANS.values():
        assert f"| `{plan.name}` | {plan.summary} |" in page
