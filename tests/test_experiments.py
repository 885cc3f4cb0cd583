"""Experiments write whole tables with a record of how they were made."""

import json
from pathlib import Path

import nbformat
import pytest
import torch

import tutorial_vae
from tutorial_vae import VAE, experiments, load_images, results


def test_tables_that_are_shipped_have_a_record_of_how_they_were_made() -> None:
    names = {path.stem for path in results.FOLDER.glob("*.csv")}
    assert names == set(experiments.EXPERIMENTS)
    for name in names:
        made_by = results.load_provenance(name)
        assert made_by["command"] == f"tutorial-vae experiment {name}"
        assert made_by["seconds"] > 0
        assert made_by["processor"]
        assert {row["seed"] for row in results.load_table(name)} == set(made_by["seeds"])


def test_a_table_comes_back_with_its_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        experiments.EXPERIMENTS, "toy", lambda seed: [{"seed": seed, "name": "a", "value": -1.5}]
    )
    path = experiments.run_experiment("toy", folder=tmp_path)
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    assert path == tmp_path / "toy.csv"
    rows = results.load_table("toy")
    assert rows[1] == {"seed": 1.0, "name": "a", "value": -1.5}
    assert len(rows) == len(experiments.SEEDS)


def test_summaries_average_within_seeds_and_spread_over_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = "seed,kind,layer,value\n0,a,x,1\n0,a,y,3\n1,a,x,4\n1,a,y,6\n0,b,x,9\n1,b,x,9\n"
    (tmp_path / "toy.csv").write_text(table, encoding="utf-8")
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    summaries = results.summarise("toy", by=["kind"])
    assert summaries["a",] == (3.5, 2, 5, 2)
    assert f"{summaries['a',]:.1f}" == "3.5 (2.0 to 5.0)"
    assert summaries["b",].lowest == summaries["b",].highest == 9
    assert results.summarise("toy", by=["kind"], layer="y") == {("a",): (4.5, 3, 6, 2)}
    differences = results.summarise("toy", by=["kind"], minus={"layer": "x"}, layer="y")
    assert differences == {("a",): (2, 2, 2, 2)}
    with pytest.raises(ValueError, match="to subtract"):
        results.summarise("toy", by=["kind"], minus={"layer": "y"})
    with pytest.raises(ValueError, match="no column colour"):
        results.summarise("toy", by=["colour"])
    with pytest.raises(ValueError, match="no row with"):
        results.summarise("toy", by=["kind"], layer="z")


def test_a_failed_experiment_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(seed: int) -> list[experiments.Row]:
        if seed == 2:
            raise RuntimeError("out of luck")
        return [{"seed": seed}]

    monkeypatch.setitem(experiments.EXPERIMENTS, "toy", fail)
    with pytest.raises(RuntimeError, match="out of luck"):
        experiments.run_experiment("toy", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_wrong_names_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no_such"):
        experiments.run_experiment("no_such", folder=tmp_path)
    with pytest.raises(ValueError, match="no_such"):
        results.load_table("no_such")
    with pytest.raises(ValueError, match="no_such"):
        results.load_provenance("no_such")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        experiments.run_experiment("quick_tour", folder=tmp_path / "nowhere")


def test_quick_tour_measures_what_the_chapter_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = experiments._train
    monkeypatch.setattr(
        experiments,
        "_train",
        lambda model, images, seed: whole(model, images[:64], seed, steps=2),
    )
    rows = experiments.quick_tour(0)
    elbos = [row["name"] for row in rows if row["measure"] == "elbo"]
    assert len(elbos) == len(set(elbos)) == 4
    cka = [row for row in rows if row["measure"] == "cka"]
    assert len(cka) == 3 * 13
    assert all(-0.2 < row["value"] <= 1 for row in cka)
    made = json.dumps(rows)
    assert json.loads(made) == rows


def test_the_judge_knows_real_images_repeated_ones_and_noise() -> None:
    digits, unseen = (load_images("digits", split, size=16) for split in ("train", "test"))
    judge = experiments.Judge(digits, unseen)
    real = judge(unseen.images / 255)
    assert real.far == pytest.approx(0.05, abs=0.003)
    assert real.variety == pytest.approx(10, abs=0.2)
    again = judge(digits.images[:20] / 255)
    assert again.far == 0
    assert again.confidence > 0.8
    one = judge(digits.images[:1].expand(30, -1, -1, -1) / 255)
    assert one.variety == 1
    noise = judge(torch.rand(50, 1, 16, 16, generator=torch.Generator().manual_seed(0)))
    assert noise.far == 1
    assert noise.confidence < 0.4


def test_draws_from_the_fitted_normal_have_the_moments_of_the_codes() -> None:
    codes = torch.tensor([[1.0, 2.0], [3.0, -1.0], [0.5, 0.0], [2.0, 2.5]])
    generator = torch.Generator().manual_seed(0)
    drawn = experiments.draw_from_fitted_normal(codes, 100_000, generator=generator)
    torch.testing.assert_close(drawn.mean(dim=0), codes.mean(dim=0), atol=0.03, rtol=0)
    torch.testing.assert_close(torch.cov(drawn.T), torch.cov(codes.T), atol=0.05, rtol=0)


def test_the_autoencoder_of_the_chapter_is_that_of_the_package() -> None:
    chapter = Path(__file__).parents[1] / "notebooks" / "01_latent_variable_models.ipynb"
    cells = nbformat.read(chapter, as_version=4).cells
    [source] = [cell.source for cell in cells if "class Autoencoder" in cell.source]
    definition = source[: source.index("torch.manual_seed")]
    names = {"nn": torch.nn, "torch": torch, "tv": tutorial_vae}
    exec(definition, names)
    model = VAE((1, 16, 16), 2, architecture="mlp")
    x = torch.rand(3, 1, 16, 16)
    given, expected = names["Autoencoder"]()(model, x), experiments.Autoencoder()(model, x)
    for part, wanted in zip(given, expected, strict=True):
        torch.testing.assert_close(part, wanted)
    expected.elbo.sum().backward()
    assert model.encoder.log_var.weight.grad is None


def test_latent_variable_models_measures_what_the_chapter_shows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = experiments.fit
    monkeypatch.setattr(
        experiments, "fit", lambda *given, **options: whole(*given, **{**options, "steps": 2})
    )
    rows = experiments.latent_variable_models(0)
    measured = {tuple(row[name] for name in list(row)[1:-1]) for row in rows}
    assert len(measured) == len(rows) == 2 * (4 + 3 + 2 * (4 + 3 + 3))
    assert all(0 <= row["value"] <= 10 for row in rows)


def test_kl_divergence_measures_what_the_chapter_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = experiments.fit
    monkeypatch.setattr(
        experiments, "fit", lambda *given, **options: whole(*given, **{**options, "steps": 2})
    )
    rows = experiments.kl_divergence(0)
    assert len(rows) == 9 * (4 + 2 * 16)
    nats = [row["value"] for row in rows if row["measure"] == "dimension_kl"]
    assert all(
        nats[i : i + 16] == sorted(nats[i : i + 16], reverse=True) for i in range(0, 144, 16)
    )
    totals = [row["value"] for row in rows if row["measure"] == "kl"]
    assert totals == pytest.approx([sum(nats[i : i + 16]) for i in range(0, 144, 16)], rel=1e-4)


def test_a_dimension_that_the_decoder_ignores_costs_nothing() -> None:
    torch.manual_seed(0)
    unseen = load_images("digits", "test", size=16)
    model = VAE(unseen.image_shape, latent_dim=3, architecture="linear")
    with torch.no_grad():
        model.encoder.mean.bias.fill_(2.0)
        model.encoder.log_var.bias.fill_(-6.0)
        model.decoder.pixels.weight[:, 1] = 0
        # The first dimension draws the mean image, and every posterior has it at about 2.
        model.decoder.pixels.weight[:, 0] = unseen.images.float().mean(dim=0).flatten() / 255 - 0.3
    state = torch.get_rng_state()
    costs = experiments.knock_out_costs(model, unseen)
    assert costs[1] == 0
    assert costs[0] > 1
    assert torch.equal(costs, experiments.knock_out_costs(model, unseen))
    assert torch.equal(state, torch.get_rng_state())
