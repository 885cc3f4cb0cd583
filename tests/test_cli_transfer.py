"""The verb ``transfer``: what it saves and prints, how it goes on, one line for each mistake."""

import os
import pickle
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import tutorial_vae as tv
from tutorial_vae.cli import main

QUICK = ("--steps", "3", "--batch-size", "8", "--device", "cpu")
TRAINED_PLANS = {name for name in tv.PLANS if name not in ("frozen", "new-ends")}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a small source model and 40 labelled pictures of two kinds."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(3)
    tv.save_model(tv.VAE((1, 16, 16), 3, architecture="mlp"), "source")
    random = np.random.default_rng(0)
    pictures = random.integers(0, 100, (40, 16, 16), dtype=np.uint8)
    pictures[20:] += 100
    np.savez("own.npz", images=pictures, labels=np.arange(40) // 20)
    np.savez("unlabelled.npz", images=pictures)
    return tmp_path


def _transfer(*arguments: str, model: str = "source", to: str = "npz:own.npz") -> int:
    return main(["transfer", model, "--to", to, *QUICK, *arguments])


def _table(printed: str) -> dict[str, list[str]]:
    """The columns behind each plan's name: trained, ELBO, ±, its error, KL, accuracy."""
    rows = [line.split() for line in printed.splitlines()]
    return {row[0]: row[1:] for row in rows if row and row[0] in tv.PLANS and "±" in row}


def _fails(capsys: pytest.CaptureFixture, *arguments: str, **names: str) -> str:
    """Run the verb, check that it ends as a mistake should and writes nothing; return its line."""
    present = {path: path.stat().st_mtime_ns for path in Path().rglob("*")}
    try:
        code = _transfer(*arguments, **names)
    except SystemExit as stop:  # argparse's own way
        code = stop.code
    captured = capsys.readouterr()
    assert code == 2, captured.out
    lines = captured.err.strip().splitlines()
    assert lines[-1].startswith("tutorial-vae")
    assert len(lines) == 1 or lines[0].startswith("usage:")
    assert {path: path.stat().st_mtime_ns for path in Path().rglob("*")} == present
    return lines[-1]


def test_the_model_and_the_numbers_are_those_of_the_library(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    assert _transfer("--plan", "decoder", "--seed", "5", "-o", "new") == 0
    printed = capsys.readouterr().out
    assert "32 images to train on, 8 held out" in printed
    train, test = (tv.load_images("npz:own.npz", s, size=16, channels=1) for s in ("train", "test"))
    source = tv.load_model("source")
    expected = {
        plan: tv.retrain(source, train, plan, seed=5, steps=3, batch_size=8, progress=False)
        for plan in ("frozen", "decoder", "scratch")
    }
    saved = tv.load_model("new").state_dict()
    assert all(torch.equal(v, saved[k]) for k, v in expected["decoder"].model.state_dict().items())
    table = _table(printed)
    assert list(table) == ["frozen", "decoder", "scratch"]
    for plan, result in expected.items():
        held_out = tv.evaluate(result.model, test, seed=5)
        accuracy = tv.evaluation.latent_accuracy(result.model, train, test).value
        row = table[plan]
        assert int(row[0].replace(",", "")) == result.trained_parameters
        assert [float(row[i]) for i in (1, 3, 4, 5)] == pytest.approx(
            [held_out.elbo, held_out.standard_error, held_out.kl, accuracy], abs=0.06
        )
    probe = tv.evaluation.probe(expected["scratch"].model, train, test, seed=5)
    for title, control in (("pixels", probe.pixels), ("PCA", probe.pca)):
        shown = re.search(rf"^{title}.*? ([\d.]+) \([\d.]+ to [\d.]+\)$", printed, re.MULTILINE)
        assert float(shown[1]) == pytest.approx(control.value, abs=6e-4)
    assert "decoder saved to new" in printed


def test_several_plans_make_one_file_each(folder: Path, capsys: pytest.CaptureFixture) -> None:
    before = set(folder.iterdir())
    assert (
        _transfer("--plan", "heads", "--plan", "all", "--plan", "all", "-o", "a.safetensors") == 0
    )
    made = {path.name for path in set(folder.iterdir()) - before}
    assert made == {"a-heads.safetensors", "a-all.safetensors"}
    assert list(_table(capsys.readouterr().out)) == ["frozen", "heads", "all", "scratch"]


def test_every_plan(folder: Path, capsys: pytest.CaptureFixture) -> None:
    before = set(folder.iterdir())
    assert _transfer("--plan", "every", "-o", "a") == 0
    made = {path.name for path in set(folder.iterdir()) - before}
    assert made == {f"a-{name}" for name in TRAINED_PLANS}
    assert set(_table(capsys.readouterr().out)) == TRAINED_PLANS | {"frozen"}


def test_new_ends_take_images_of_another_shape(folder: Path, capsys: pytest.CaptureFixture) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (30, 24, 24, 3), dtype=np.uint8)
    np.savez("colour.npz", images=pixels)
    assert _transfer("--plan", "new-ends", "--size", "24", "-o", "new", to="npz:colour.npz") == 0
    assert tv.load_model("new").image_shape == (3, 24, 24)
    assert list(_table(capsys.readouterr().out)) == ["new-ends", "scratch"]
    assert _transfer("--plan", "new-ends", "--channels", "1", "-o", "new", to="npz:colour.npz") == 0
    assert tv.load_model("new").image_shape == (1, 16, 16)
    # Other plans bring the images into the model's shape.
    assert _transfer("-o", "new", to="npz:colour.npz") == 0
    assert tv.load_model("new").image_shape == (1, 16, 16)


def test_without_two_classes_there_is_no_accuracy(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    np.savez("one.npz", images=np.load("own.npz")["images"], labels=np.ones(40, dtype=int))
    for to in ("npz:unlabelled.npz", "npz:one.npz"):
        assert _transfer("-o", "new", to=to) == 0
        printed = capsys.readouterr().out
        assert {row[-1] for row in _table(printed).values()} == {"–"}
        assert "pixels" not in printed
        assert "needs labels of two classes" in printed


def test_a_model_that_comes_with_the_package(folder: Path) -> None:
    assert _transfer("--limit", "20", "-o", "new", model="dsprites", to="digits") == 0
    assert tv.load_model("new").image_shape == (1, 32, 32)


def test_a_checkpoint_goes_on_and_belongs_to_one_source_and_plan(folder: Path) -> None:
    (folder / "kept").mkdir()
    torch.manual_seed(4)
    tv.save_model(tv.VAE((1, 16, 16), 3, architecture="mlp"), "other")
    for steps in ("2", "4"):
        for model in ("source", "other"):
            for plan in ("decoder", "decoder-reset"):
                kept = ("--plan", plan, "--checkpoint", "kept", "-o", f"{model}-{plan}")
                assert _transfer(*kept, "--steps", steps, model=model) == 0
    for model in ("source", "other"):
        for plan in ("decoder", "decoder-reset"):
            assert _transfer("--plan", plan, "--steps", "4", "-o", "whole", model=model) == 0
            assert Path(f"{model}-{plan}").read_bytes() == Path("whole").read_bytes()


def test_progress_is_shown_to_somebody_who_watches(
    folder: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert _transfer("-o", "new") == 0
    watched = capsys.readouterr().err
    assert "plan 2 of 3: all" in watched
    assert re.search(r"\d/3 \[\d+:\d+<.*step", watched)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "-o/--output"),
        (("-o", "nowhere/new"), "nowhere does not exist"),
        (("-o", "."), "is a folder"),
        (("-o", "new", "--plan", "decodr"), "--plan must be one of frozen, heads,"),
        (("-o", "new", "--plan", "new-ends", "--plan", "all"), "ask for it alone"),
        (("-o", "new", "--size", "32"), "--size and --channels go with --plan new-ends"),
        (("-o", "new", "--plan", "new-ends", "--size", "4"), "size must be"),
        (("-o", "new", "--plan", "new-ends", "--channels", "2"), "channels must be"),
        (("-o", "new", "--steps", "0"), "steps must be"),
        (("-o", "new", "--lr", "-1"), "lr must be"),
        (("-o", "new", "--limit", "0"), "limit must be"),
        (("-o", "new", "--limit", "1"), "has 1 held-out image"),
        (("-o", "new", "--device", "abacus"), "device 'abacus'"),
        (("-o", "new", "--precision", "fp8"), "precision must be"),
        (("-o", "new", "--seed", "-1"), "seed must be"),
        (("-o", "new", "--checkpoint", "nowhere"), "nowhere for checkpoints does not exist"),
        (("-o", "new", "--checkpoint", "source"), "source for checkpoints does not exist"),
    ],
)
def test_mistakes_are_one_line(
    folder: Path, capsys: pytest.CaptureFixture, arguments: tuple[str, ...], words: str
) -> None:
    assert words in _fails(capsys, *arguments)


def test_images_that_cannot_be_had(folder: Path, capsys: pytest.CaptureFixture) -> None:
    nearly = np.full((20, 160, 160), 50, np.uint8)
    nearly[np.arange(20), np.arange(20), 0] = 51
    np.savez("nearly.npz", images=nearly)
    for to, words in [
        ("digit", "did you mean 'digits'"),
        ("folder:nowhere", "nowhere is not a folder"),
        ("npz:source", "source cannot be read as an npz file"),
        ("npz:nearly.npz", "do not differ at 16 pixels"),
    ]:
        line = _fails(capsys, "-o", "new", to=to)
        assert words in line


def test_models_that_cannot_be_used(folder: Path, capsys: pytest.CaptureFixture) -> None:
    class Trap:
        def __reduce__(self) -> tuple:
            return os.mkdir, ("sprung",)

    (folder / "pickle.pt").write_bytes(pickle.dumps(Trap()))
    torch.save({"weights": Trap()}, folder / "torch.pt")
    (folder / "cut").write_bytes((folder / "source").read_bytes()[:5000])
    (folder / "empty").write_bytes(b"")
    save_file({"w": torch.zeros(2)}, folder / "foreign")
    tv.save_model(tv.VAE((1, 16, 16), 3, architecture="linear"), "linear")
    # The file of one architecture that says it holds another.
    settings = (folder / "source").read_bytes().replace(b'\\"mlp\\"', b'\\"conv\\"', 1)
    length = int.from_bytes(settings[:8], "little") + 1
    (folder / "mislabelled").write_bytes(length.to_bytes(8, "little") + settings[8:])
    tv.save_model(tv.VAE((1, 16, 24), 3, architecture="mlp"), "wide")
    for model, words in [
        ("missing", "no model file at missing, and no model of that name comes with the package"),
        (".", "no model file at ."),
        ("pickle.pt", "pickle.pt is not a model"),
        ("torch.pt", "torch.pt is not a model"),
        ("cut", "cut is not a model saved by tutorial_vae, or it is damaged"),
        ("empty", "empty is not a model"),
        ("foreign", "foreign is a safetensors file, but not a model"),
        ("mislabelled", "mislabelled does not hold a whole model"),
        ("own.npz", "own.npz is not a model"),
        ("wide", "wide reads 16×24 images"),
    ]:
        assert words in _fails(capsys, "-o", "new", model=model)
    assert not (folder / "sprung").exists()
    assert _transfer("-o", "new", model="linear") == 0


def _paint(path: Path, value: int, mode: str = "L", size: int = 20) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    ramp = np.linspace(0, value, size).astype(np.uint8)
    Image.fromarray(np.tile(ramp, (size, 1))).convert(mode).save(path)


def test_a_folder_with_a_broken_picture(folder: Path, capsys: pytest.CaptureFixture) -> None:
    for number in range(20):
        _paint(folder / "pictures" / "ab"[number % 2] / f"{number}.jpg", 100 + number)
    broken = folder / "pictures" / "a" / "4.jpg"
    broken.write_bytes(broken.read_bytes()[:-200])
    line = _fails(capsys, "-o", "new", to="folder:pictures")
    assert "4.jpg cannot be read as a picture" in line
    assert "replace it or take it out" in line


def test_folders_with_too_few_pictures(folder: Path, capsys: pytest.CaptureFixture) -> None:
    for number in range(5):
        line = _fails(capsys, "-o", "new", to="folder:few")
        assert ("few is not a folder" if number == 0 else f"{number} different pictures") in line
        _paint(folder / "few" / f"{number}.png", 100 + number)
    assert "1 held-out image" in _fails(capsys, "-o", "new", to="folder:few")


def test_a_folder_with_pictures_of_every_kind(folder: Path, capsys: pytest.CaptureFixture) -> None:
    kinds = ("a سلام", "b 🦊")
    for number in range(12):
        for kind in kinds:
            _paint(folder / "all sorts" / kind / f"صورة {number} 📷.png", 60 + 9 * number)
    first, second = (folder / "all sorts" / kind for kind in kinds)
    deep = np.linspace(0, 65535, 400).astype(np.uint16).reshape(20, 20)
    Image.fromarray(deep).save(first / "16 bits.png")
    _paint(first / "cmyk.jpg", 140, "CMYK")
    _paint(second / "transparent.png", 130, "RGBA")
    _paint(second / "10 megapixels.jpg", 120, size=3200)
    frames = [Image.new("RGB", (20, 20), (number, 90, 10)) for number in (10, 200)]
    frames[0].save(second / "animated.gif", save_all=True, append_images=frames[1:])
    assert _transfer("-o", "new", to="folder:all sorts") == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert "24 images to train on, 5 held out" in captured.out
    assert len(load_file("new")) > 0


def test_a_folder_of_one_class(folder: Path, capsys: pytest.CaptureFixture) -> None:
    for number in range(12):
        _paint(folder / "pictures" / "only" / f"{number}.png", 100 + number)
    assert _transfer("-o", "new", to="folder:pictures") == 0
    assert "needs labels of two classes" in capsys.readouterr().out


def test_help_has_an_example(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["transfer", "--help"])
    printed = capsys.readouterr().out
    assert "example: tutorial-vae transfer " in printed
    assert all(re.search(rf"\b{name}\b", " ".join(printed.split())) for name in tv.PLANS)
