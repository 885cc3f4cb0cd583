"""The command line: what it makes, and one clear line with exit code 2 for each mistake."""

import json
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import tutorial_vae as tv
from tutorial_vae.cli import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def models(folder: Path) -> tuple[str, str]:
    """Two untrained models of the same image shape, saved."""
    for seed, name in enumerate(("one", "two")):
        torch.manual_seed(seed)
        tv.save_model(tv.VAE((1, 32, 32), 4), folder / f"{name}.safetensors")
    return "one.safetensors", "two.safetensors"


def _fails(capsys: pytest.CaptureFixture, *arguments: str) -> str:
    """Run the command, check that it ends as a user's mistake should, and return its line."""
    try:
        code = main(arguments)
    except SystemExit as stop:  # argparse's own way
        code = stop.code
    captured = capsys.readouterr()
    assert code == 2, captured.out
    assert "Traceback" not in captured.err
    lines = captured.err.strip().splitlines()
    assert lines[-1].startswith("tutorial-vae")
    assert len(lines) == 1 or lines[0].startswith("usage:")
    return lines[-1]


def test_data_lists_every_set(capsys: pytest.CaptureFixture) -> None:
    assert main(["data"]) == 0
    listed = capsys.readouterr().out
    for info in tv.data.CATALOGUE.values():
        assert re.search(rf"^{info.name} ", listed, re.MULTILINE)
        assert info.licence in listed
        assert info.source in listed


def test_data_draws_a_contact_sheet(folder: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["data", "digits", "--split", "test", "--limit", "20", "-o", "sheet.png"]) == 0
    assert "20 test images of 1×32×32" in capsys.readouterr().out
    with Image.open(folder / "sheet.png") as sheet:
        assert sheet.format == "PNG"
        assert min(sheet.size) > 100


def test_train_saves_a_model_and_reports_its_held_out_elbo(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    arguments = ["train", "digits", "-o", "model.safetensors", "--architecture", "mlp"]
    arguments += ["--steps", "30", "--latent-dim", "3", "--size", "16", "--limit", "100"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    model = tv.load_model(folder / "model.safetensors")
    assert (model.image_shape, model.latent_dim) == ((1, 16, 16), 3)
    unseen = tv.load_images("digits", "test", size=16, limit=100)
    elbo = float(re.search(r"held-out ELBO (-[\d.]+)", printed)[1])
    assert elbo == pytest.approx(tv.evaluate(model, unseen).elbo, abs=0.01)


def test_training_twice_gives_the_same_file_and_a_checkpoint_goes_on(folder: Path) -> None:
    arguments = ["train", "digits", "--architecture", "mlp", "--size", "16", "--limit", "100"]
    assert main([*arguments, "--steps", "50", "-o", "a"]) == 0
    assert main([*arguments, "--steps", "50", "-o", "b"]) == 0
    assert main([*arguments, "--steps", "25", "-o", "c", "--checkpoint", "run"]) == 0
    assert main([*arguments, "--steps", "50", "-o", "c", "--checkpoint", "run"]) == 0
    contents = {Path(name).read_bytes() for name in "abc"}
    assert len(contents) == 1


def test_compare_writes_one_page_that_needs_nothing_else(
    folder: Path, models: tuple[str, str], capsys: pytest.CaptureFixture
) -> None:
    arguments = ["compare", *models, "--images", "digits", "--limit", "40", "-o", "report.html"]
    assert main(arguments) == 0
    assert "40 test images of digits" in capsys.readouterr().out
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<h1>one and two, layer by layer</h1>" in page
    assert page.count('<img src="data:image/png;base64,') == 2
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert "an untrained network" in page


def test_compare_of_two_architectures_leaves_out_what_has_no_namesake(
    folder: Path, models: tuple[str, str]
) -> None:
    tv.save_model(tv.VAE((1, 32, 32), 4, architecture="mlp"), folder / "dense.safetensors")
    arguments = ["compare", models[0], "dense.safetensors", "--images", "digits", "--limit", "40"]
    assert main([*arguments, "-o", "report.html"]) == 0
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count("<img ") == 1


def test_compare_takes_pictures_of_ones_own(folder: Path, models: tuple[str, str]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 40, 40), dtype=np.uint8)
    np.savez(folder / "own.npz", images=pixels)
    assert main(["compare", *models, "--images", "npz:own.npz", "-o", "report.html"]) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "required"),
        (("dance",), "invalid choice"),
        (("data", "dsprite"), "did you mean 'dsprites'"),
        (("data", "-o", "sheet.png"), "DATA is missing"),
        (("data", "digits", "--split", "dev"), "split must be"),
        (("data", "digits", "--size", "4"), "size must be"),
        (("data", "digits", "--limit", "some"), "invalid int value"),
        (("data", "digits", "-o", "nowhere/sheet.png"), "nowhere does not exist"),
        (("data", "folder:nowhere"), "nowhere"),
        (("data", "npz:nowhere.npz"), "nowhere.npz"),
        (("train", "digits"), "-o/--output"),
        (("train", "digits", "-o", "nowhere/model"), "nowhere does not exist"),
        (("train", "digits", "-o", "."), "is a folder"),
        (("train", "digits", "-o", "m", "--size", "28"), "multiples of 16"),
        (("train", "digits", "-o", "m", "--architecture", "resnet"), "architecture must be"),
        (("train", "digits", "-o", "m", "--likelihood", "poisson"), "likelihood must be"),
        (("train", "digits", "-o", "m", "--steps", "0"), "steps must be"),
        (("train", "digits", "-o", "m", "--beta", "-1"), "beta must be"),
        (("train", "digits", "-o", "m", "--device", "abacus"), "device 'abacus'"),
        (("train", "digits", "-o", "m", "--precision", "fp8"), "precision must be"),
        (("train", "digits", "-o", "m", "--seed", "-1"), "seed must be"),
        (("experiment", "no_such_table"), "no_such_table"),
    ],
)
def test_mistakes_are_one_line(
    folder: Path, capsys: pytest.CaptureFixture, arguments: tuple[str, ...], words: str
) -> None:
    assert words in _fails(capsys, *arguments)
    assert list(folder.iterdir()) == []


def test_compare_names_what_is_wrong_with_its_files(
    folder: Path, models: tuple[str, str], capsys: pytest.CaptureFixture
) -> None:
    one, _ = models
    (folder / "text").write_text("not a model", encoding="utf-8")
    (folder / "pickle.pt").write_bytes(pickle.dumps({"weights": [1.0]}))
    save_file({"w": torch.zeros(2)}, folder / "foreign.safetensors")
    (folder / "cut.safetensors").write_bytes((folder / one).read_bytes()[:1000])
    tv.save_model(tv.VAE((3, 32, 32), 4), folder / "colour.safetensors")
    present = {path.name for path in folder.iterdir()}
    for other, words in [
        ("missing", "no model file at missing"),
        ("text", "text is not a model"),
        ("pickle.pt", "pickle.pt is not a model"),
        ("foreign.safetensors", "foreign.safetensors is a safetensors file, but not a model"),
        ("cut.safetensors", "cut.safetensors is not a model"),
        ("colour.safetensors", "colour.safetensors of shape (3, 32, 32)"),
    ]:
        line = _fails(capsys, "compare", one, other, "--images", "digits", "-o", "report.html")
        assert words in line
    for extra, words in [
        (("--images", "digit"), "did you mean 'digits'"),
        (("--images", "digits", "--kernel", "cubic"), "kernel must be"),
        (("--images", "digits", "--estimator", "best"), "estimator must be"),
        (("--images", "digits", "--limit", "3"), "at least 4 images"),
    ]:
        assert words in _fails(capsys, "compare", one, one, *extra, "-o", "report.html")
    assert {path.name for path in folder.iterdir()} == present


def test_experiment_writes_its_table(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    from tutorial_vae_book import experiments

    toy = experiments.Experiment(lambda seed: [{"seed": seed, "value": seed / 3}])
    monkeypatch.setattr(experiments, "EXPERIMENTS", {"quick_tour": toy})
    monkeypatch.setenv("TUTORIAL_VAE_DATA", str(folder / "data"))
    assert main(["experiment", "all", "--folder", ".", "--jobs", "1"]) == 0
    assert "quick_tour" in capsys.readouterr().out
    rows = (folder / "quick_tour.csv").read_text(encoding="utf-8").splitlines()
    assert rows[:3] == ["seed,value", "0,0.0000", "1,0.3333"]
    made_by = json.loads((folder / "quick_tour.json").read_text(encoding="utf-8"))
    assert made_by["command"] == "tutorial-vae experiment quick_tour"


def test_experiment_with_failed_runs_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    from tutorial_vae_book import experiments

    toy = experiments.Experiment(lambda seed: [{"seed": seed, "value": 1 / seed}])
    monkeypatch.setitem(experiments.EXPERIMENTS, "toy", toy)
    monkeypatch.setenv("TUTORIAL_VAE_DATA", str(folder / "data"))
    with pytest.warns(experiments.FailedRunsWarning, match="1 of 5 .* division by zero"):
        assert main(["experiment", "toy", "--folder", ".", "--jobs", "1"]) == 1
    assert "written: toy.csv" in capsys.readouterr().out


def test_experiment_without_a_name_lists_the_tables(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    from tutorial_vae_book import experiments

    toy = experiments.Experiment(lambda seed: [{"seed": seed, "value": 1.0}])
    monkeypatch.setitem(experiments.EXPERIMENTS, "toy", toy)
    assert main(["experiment"]) == 0
    listed = capsys.readouterr().out
    assert "quick_tour" in listed
    assert "min of one core" in listed
    assert re.search(r"^toy +5 runs, not measured yet$", listed, re.MULTILINE)


def test_installed_command_ends_without_a_traceback(folder: Path) -> None:
    command = Path(sys.executable).with_name("tutorial-vae")
    ran = subprocess.run(
        [str(command), "data", "no-such-set"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
    ran = subprocess.run([str(command), "--help"], capture_output=True, text=True, check=True)
    assert all(verb in ran.stdout for verb in ("data", "train", "compare", "experiment"))


@pytest.mark.parametrize("verb", ["data", "train", "compare", "experiment"])
def test_help_has_an_example(verb: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([verb, "--help"])
    assert f"example: tutorial-vae {verb} " in capsys.readouterr().out
