"""Figures hold what they say, in the book's colours, and close themselves."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

import tutorial_vae as tv
from tutorial_vae import plots
from tutorial_vae.similarity import layer_profiles, similarity_map
from tutorial_vae.training import training_curves


@pytest.fixture(scope="module")
def similarities() -> dict[str, tv.LayerSimilarity]:
    images = torch.randint(
        0, 256, (40, 1, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    models = []
    for seed in range(3):
        torch.manual_seed(seed)
        models.append(tv.VAE((1, 16, 16), 3))
    return {
        "other": tv.compare_layers(models[0], models[1], images, device="cpu"),
        "untrained": tv.compare_layers(models[0], models[2], images, device="cpu"),
    }


def _drawn(figure: Figure) -> np.ndarray:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    with Image.open(buffer) as picture:
        return np.asarray(picture.convert("RGB"))


def test_palette_is_okabe_and_itos() -> None:
    assert plots.COLOURS["encoder"] == "#0072B2"
    assert plots.COLOURS["latent"] == "#009E73"
    assert plots.COLOURS["decoder"] == "#D55E00"


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("encoder.conv1", "encoder"),
        ("encoder.dense", "encoder"),
        ("encoder.mean", "latent"),
        ("encoder.log_var", "latent"),
        ("decoder.conv4", "decoder"),
    ],
)
def test_layers_belong_to_parts(name: str, part: str) -> None:
    assert plots.layer_part(name) == part


def test_image_grid_lays_images_out_from_left_to_right() -> None:
    images = torch.linspace(0, 255, 7).to(torch.uint8).reshape(7, 1, 1, 1).expand(7, 1, 8, 8)
    figure = plots.image_grid(images, columns=4)
    shown = [ax.images[0].get_array().mean() for ax in figure.axes]
    np.testing.assert_allclose(shown, images[:, 0, 0, 0] / 255, atol=1e-6)
    tops = [round(ax.get_position().y1, 6) for ax in figure.axes]
    assert tops == [tops[0]] * 4 + [tops[-1]] * 3
    assert tops[0] > tops[-1]


def test_image_grid_labels_rows_and_shows_colour_and_black_as_they_are() -> None:
    colour = torch.tensor([255, 0, 0], dtype=torch.uint8).reshape(1, 3, 1, 1).expand(2, 3, 8, 8)
    figure = plots.image_grid({"red": colour, "grey": torch.full((2, 1, 8, 8), 0.5)})
    assert [text.get_text() for text in figure.texts] == ["red", "grey", ""]
    pixels = _drawn(figure).reshape(-1, 3).tolist()
    assert [255, 0, 0] in pixels
    assert [127, 127, 127] in pixels or [128, 128, 128] in pixels


def test_contact_sheet_says_what_it_shows() -> None:
    images = tv.ImageSet(
        name="squares",
        images=torch.zeros(30, 1, 8, 8, dtype=torch.uint8),
        labels=torch.zeros(30, dtype=torch.int64),
        class_names=("square",),
    )
    figure = plots.contact_sheet(images)
    assert figure.texts[-1].get_text() == "squares: 30 images of 1×8×8, 1 classes"


@pytest.mark.parametrize(
    "rows",
    [
        {},
        torch.zeros(0, 1, 8, 8),
        torch.zeros(2, 5, 8, 8),
        {"a": torch.zeros(2, 1, 8, 8), "b": torch.zeros(0, 1, 8, 8)},
    ],
)
def test_image_grid_refuses_what_it_cannot_show(rows) -> None:
    with pytest.raises(ValueError, match=r"images|rows"):
        plots.image_grid(rows)


def test_training_curves_draw_the_history() -> None:
    history = tv.History()
    history.append(25, {"elbo": -90.0, "log_likelihood": -85.0, "kl": 5.0}, 0.1)
    history.append(50, {"elbo": -80.0, "log_likelihood": -73.0, "kl": 7.0}, 0.2)
    figure = history.plot()
    for ax, values in zip(
        figure.axes, (history.elbo, history.log_likelihood, history.kl), strict=True
    ):
        np.testing.assert_array_equal(ax.lines[0].get_ydata(), values)
    both = training_curves({"one": history, "two": history})
    assert [text.get_text() for text in both.axes[0].get_legend().get_texts()] == ["one", "two"]
    with pytest.raises(ValueError, match="histories"):
        training_curves(tv.History())


def test_similarity_map_has_a_fixed_scale_and_coloured_names(
    similarities: dict[str, tv.LayerSimilarity],
) -> None:
    similarity = similarities["other"]
    figure = similarity.plot()
    image = figure.axes[0].images[0]
    assert image.get_clim() == (0, 1)
    np.testing.assert_array_equal(image.get_array(), similarity.values)
    names = {t.get_text(): to_hex(t.get_color()).upper() for t in figure.axes[0].get_yticklabels()}
    assert tuple(names) == similarity.rows
    assert names["decoder.conv1"] == plots.COLOURS["decoder"]


def test_layer_profiles_draw_controls_grey_and_dashed(
    similarities: dict[str, tv.LayerSimilarity],
) -> None:
    figure = layer_profiles(similarities, controls=["untrained"])
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    assert set(lines) == {"other", "untrained"}
    assert lines["untrained"].get_color() == plots.COLOURS["control"]
    assert lines["untrained"].get_linestyle() == "--"
    assert lines["other"].get_linestyle() == "-"
    np.testing.assert_array_equal(lines["other"].get_ydata(), np.diag(similarities["other"].values))
    with pytest.raises(ValueError, match="nobody"):
        layer_profiles(similarities, controls=["nobody"])
    with pytest.raises(ValueError, match="at least one"):
        layer_profiles({})


def test_figures_do_not_pile_up(similarities: dict[str, tv.LayerSimilarity]) -> None:
    before = plt.get_fignums()
    similarities["other"].plot()
    plots.image_grid(torch.zeros(2, 1, 8, 8))
    assert plt.get_fignums() == before


def test_figures_can_be_drawn_into_given_axes(
    similarities: dict[str, tv.LayerSimilarity],
) -> None:
    figure, ax = plt.subplots()
    try:
        assert similarity_map(similarities["other"], ax=ax) is figure
        assert ax.images
    finally:
        plt.close(figure)


def test_axes_name_the_measure() -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 3))
    similarity = tv.compare_layers(net, net, torch.rand(20, 1, 4, 4), measure="rsa")
    assert similarity.plot().axes[1].get_ylabel() == "RSA"
    assert layer_profiles({"same": similarity}).axes[0].get_ylabel() == "RSA"
