"""The plan explorer: what travels in its state, and the same numbers in a real browser."""

import numpy as np
import pytest

import tutorial_vae as tv
from tutorial_vae.explorer import unpack
from tutorial_vae_book.ch11_what_to_retrain.plan_explorer import PlanExplorer

SETS = ("letters", "digits")
SOURCES = ("letters", "digits", "shapes")
SIZES, SEEDS = (100, 1000), (0, 1, 2)
PLANS = ("frozen", "heads", "decoder", "encoder-reset", "all", "scratch")
BASELINES = ("untrained", "pca", "pixels")
RANGES = {"elbo": (-900, -100), "kl": (0, 20), "accuracy": (0, 1)}


def rows():
    """Every plan between three sets of which two are targets, each value drawn at random."""
    random = np.random.default_rng(0)
    pairs = [(s, p) for s in SOURCES for p in PLANS if p != "scratch"]
    pairs += [("none", plan) for plan in ("scratch", *BASELINES)]
    return [
        {
            "target": target,
            "source": source,
            "plan": plan,
            "size": float(size),
            "seed": float(seed),
            "measure": measure,
            "value": random.uniform(*RANGES[measure]),
        }
        for target in SETS
        for source, plan in pairs
        if source != target
        for size in SIZES
        for seed in SEEDS
        for measure in (("accuracy",) if plan in BASELINES else RANGES)
    ]


def explorer(**options):
    return PlanExplorer(rows(), tv.VAE((1, 32, 32)), **options)


def values(target, source, plan, size, measure):
    wanted = {"target": target, "source": source, "plan": plan, "size": size, "measure": measure}
    return np.array([row["value"] for row in rows() if all(row[k] == v for k, v in wanted.items())])


def shown(value, form=".2f"):
    return f"{value:{form}}".replace("-", "−")


def spread(array, form=".2f"):
    low, high = shown(array.min(), form), shown(array.max(), form)
    return f"(3 seeds: {low} to {high})"


def unpacked(name, *shape):
    values = unpack(explorer().data[name])
    assert values.shape == shape
    return values


def test_the_values_travel_and_those_that_are_missing_are_not_numbers():
    elbo = unpacked("elbo", 2, 3, 6, 2, 3)
    order = explorer().data["choices"]["source"]["values"]
    place = 1, order.index("shapes"), 2, 1
    expected = values("digits", "shapes", "decoder", 1000, "elbo")
    np.testing.assert_allclose(elbo[place], expected, rtol=1e-6)
    same = elbo[1, order.index("digits")]
    assert np.isnan(same[:5]).all()
    assert np.isfinite(same[5]).all()  # scratch needs no source
    assert np.isfinite(unpacked("baseline", 2, 3, 2, 3)).all()


def test_the_diagram_follows_the_plans():
    data = explorer().data
    plans = {plan["name"]: plan for plan in data["plans"]}
    assert list(plans) == list(PLANS)
    model = tv.VAE((1, 32, 32))
    for name, plan in plans.items():
        states = dict(zip(data["layers"], plan["states"], strict=True))
        moved = {layer for layer, state in states.items() if state != "frozen"}
        assert moved == set(tv.PLANS[name].trained_layers(model))
        fresh = {layer for layer, state in states.items() if state == "fresh"}
        assert fresh == set(tv.PLANS[name].reset_layers(model))
    assert plans["frozen"]["share"] == 0
    assert plans["scratch"]["share"] == plans["all"]["share"] == 1
    parts = [plans[name]["part"] for name in PLANS]
    assert parts == ["other", "latent", "decoder", "encoder", "other", "other"]


def test_choices_are_checked_and_may_be_set():
    chosen = explorer(target="digits", source="shapes", plan="heads", size=1000)
    assert (chosen.target, chosen.source, chosen.plan, chosen.size) == (
        "digits",
        "shapes",
        "heads",
        1000,
    )
    chosen.size = 100
    with pytest.raises(ValueError, match="size must be one of 100, 1000, got 7"):
        chosen.size = 7
    with pytest.raises(ValueError, match=r"plan must be one of frozen, heads, .* got 'pca'"):
        chosen.plan = "pca"
    with pytest.raises(ValueError, match="target must be one of letters, digits, got 'shapes'"):
        explorer(target="shapes")


def test_what_cannot_be_shown_is_named():
    model = tv.VAE((1, 32, 32))
    with pytest.raises(ValueError, match="rows must hold at least one"):
        PlanExplorer([], model)
    with pytest.raises(ValueError, match="rows lack the columns value"):
        PlanExplorer([{k: v for k, v in rows()[0].items() if k != "value"}], model)
    with pytest.raises(ValueError, match="rows name the plans everything, but plans are frozen"):
        PlanExplorer([rows()[0] | {"plan": "everything"}], model)
    with pytest.raises(ValueError, match="rows must hold runs from some source"):
        PlanExplorer([row for row in rows() if row["source"] == "none"], model)


@pytest.fixture
def opened(open_explorer):
    return open_explorer(explorer(target="digits", source="shapes"))


@pytest.mark.browser
@pytest.mark.parametrize("plan", ["frozen", "encoder-reset", "scratch"])
@pytest.mark.parametrize("size", SIZES)
def test_the_reading_holds_the_numbers_of_the_rows(opened, plan, size, reading):
    opened.get_by_label("plan", exact=True).select_option(plan)
    opened.get_by_label("how many of them", exact=True).select_option(str(size))
    source = "none" if plan == "scratch" else "shapes"
    mine = {m: values("digits", source, plan, size, m) for m in RANGES}
    scratch = {m: values("digits", "none", "scratch", size, m) for m in RANGES}
    gain = mine["elbo"] - scratch["elbo"]
    text = reading(opened)
    assert text.startswith(f"{plan}, from shapes to {size} images of digits: ")
    form = "+.1f" if plan != "scratch" else ".1f"
    assert f"{shown(gain.mean(), form)} nats {spread(gain, form)}" in text
    assert f"KL {mine['kl'].mean():.1f}" in text
    assert f"probe {shown(mine['accuracy'].mean())} {spread(mine['accuracy'])}" in text
    beside = [("scratch", scratch["accuracy"])]
    beside += [(name, values("digits", "none", name, size, "accuracy")) for name in BASELINES]
    assert (
        ", ".join(f"{name} {shown(each.mean())}" for name, each in beside).replace("pca", "PCA")
        in text
    )


@pytest.mark.browser
def test_both_charts_say_every_plan_and_the_second_every_baseline(opened):
    _, elbo, accuracy = (drawing.get_attribute("aria-label") for drawing in images(opened))
    scratch = values("digits", "none", "scratch", 100, "elbo")
    for plan in PLANS[:-1]:
        gain = values("digits", "shapes", plan, 100, "elbo") - scratch
        kl = values("digits", "shapes", plan, 100, "kl").mean()
        assert f"{plan} {shown(gain.mean(), '+.1f')} with KL {kl:.1f}" in elbo
        assert f"{plan} {values('digits', 'shapes', plan, 100, 'accuracy').mean():.2f}" in accuracy
    for name in BASELINES:
        assert f"{name} {values('digits', 'none', name, 100, 'accuracy').mean():.2f}" in accuracy
        assert name not in elbo


def images(page):
    return page.locator(".tvae-explorer [role=img]").all()


@pytest.mark.browser
def test_the_network_shows_and_says_what_the_plan_does_to_each_layer(opened):
    opened.get_by_label("plan", exact=True).select_option("encoder-reset")
    network = images(opened)[0]
    said = network.get_attribute("aria-label")
    assert "encoder.conv1 fresh" in said
    assert "decoder.conv4 frozen" in said
    count = {s: network.locator(f"rect.tvae-{s}").count() for s in ("fresh", "trained", "frozen")}
    assert count == {"fresh": 7, "trained": 0, "frozen": 6}
    opened.get_by_label("plan", exact=True).select_option("heads")
    assert network.locator("rect.tvae-trained.tvae-latent").count() == 2


@pytest.mark.browser
def test_a_row_chooses_its_plan(opened, reading):
    opened.locator("rect[data-plan='decoder']").last.click()
    assert reading(opened).startswith("decoder, from shapes")
    assert opened.get_by_label("plan", exact=True).input_value() == "decoder"


@pytest.mark.browser
def test_a_set_is_no_new_one_for_its_own_vae(opened, reading):
    opened.get_by_label("weights from", exact=True).select_option("digits")
    assert "not measured, since a set is no new one for its own VAE" in reading(opened)
    assert opened.locator(".tvae-elbo text").filter(has_text="not measured").count() == 5
    opened.get_by_label("weights from", exact=True).select_option("letters")
    assert "not measured" not in reading(opened)


@pytest.mark.browser
def test_a_choice_of_one_has_no_menu(open_explorer, reading):
    some = [row for row in rows() if row["size"] == 1000]
    page = open_explorer(PlanExplorer(some, tv.VAE((1, 32, 32)), target="digits", source="shapes"))
    assert page.get_by_label("plan", exact=True).count() == 1
    assert page.get_by_label("how many of them", exact=True).count() == 0
    assert reading(page).startswith("all, from shapes to 1000 images of digits: ")
