"""CKA of all pairs of layers against the published packages and the floor, on one thread.

Two convolutional networks of eight layers, freshly initialised, read 2,048 images of 1×32×32 in
batches of 256. The floor is what nothing can avoid: both forward passes and, for each batch, one
product of every layer's features with themselves and one of all grams. Memory is what the
peak of a process rises above that of its own forward passes.

The packages (``similarity-requirements.txt``) are installed into ``--environment`` on first use,
together with nothing else; this package is found through its source folder.

    python benchmarks/similarity.py [--rounds 5] [--environment FOLDER]
"""

import argparse
import importlib
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
IMAGES, BATCH = 2048, 256
WIDTHS = (32, 32, 64, 64, 128, 128, 128, 128)
NAMES = [f"layer{i}" for i in range(8)]
OURS = {"ours, 64": "64", "ours, 32": "32", "ours, bf16": "bf16"}
MODULES = {"pytorch-cka": "cka", "torch-cka": "torch_cka", "cka-pytorch": "cka_pytorch"}
PEERS = tuple(MODULES)


def network(seed: int):
    """Return eight convolutions with ReLUs, each the layer of one name."""
    from torch import manual_seed, nn

    manual_seed(seed)
    network = nn.Sequential()
    channels = 1
    for name, width, stride in zip(NAMES, WIDTHS, (1, 1, 2, 1, 2, 1, 2, 1), strict=True):
        layer = nn.Sequential(nn.Conv2d(channels, width, 3, stride, padding=1), nn.ReLU())
        network.add_module(name, layer)
        channels = width
    return network.eval()


def stored(model, images):
    """Return a model of the same names whose layers hand out what ``model`` makes of a batch."""
    import torch
    from torch import nn

    class Layer(nn.Module):
        def __init__(self, parts: list[torch.Tensor]) -> None:
            super().__init__()
            self.parts = parts

        def forward(self, index: torch.Tensor) -> torch.Tensor:
            return self.parts[int(index[0, 0]) // BATCH][: len(index)]

    class Stored(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            parts: dict[str, list[torch.Tensor]] = {name: [] for name in NAMES}
            with torch.no_grad():
                for x in images.split(BATCH):
                    for name, layer in model.named_children():
                        parts[name].append(x := layer(x))
            for name in NAMES:
                self.add_module(name, Layer(parts[name]))
            self.anchor = nn.Parameter(torch.zeros(()))

        def forward(self, index: torch.Tensor) -> torch.Tensor:
            for layer in self.children():
                layer(index)
            return index

    return Stored()


def run(tool: str, model_a, model_b, images):
    """Compare two models with one tool; return its table of CKA, or nothing for a floor."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    pairs = DataLoader(TensorDataset(images, torch.zeros(len(images))), batch_size=BATCH)
    if tool == "forward":
        with torch.no_grad():
            for batch, _ in pairs:
                model_a(batch), model_b(batch)
        return None
    if tool == "floor":
        with torch.no_grad():
            for batch, _ in pairs:
                grams = []
                for model in (model_a, model_b):
                    x = batch
                    for layer in model.children():
                        x = layer(x)
                        features = x.flatten(1)
                        grams.append((features @ features.T).flatten())
                torch.stack(grams[:8]) @ torch.stack(grams[8:]).T
        return None
    if tool in OURS:
        import tutorial_vae as tv

        result = tv.compare_layers(
            model_a, model_b, images, layers=NAMES, mode="minibatch", batch_size=BATCH,
            precision=OURS[tool], device="cpu",
        )  # fmt: skip
        return torch.from_numpy(result.values)
    if tool == "pytorch-cka":
        with importlib.import_module("cka").CKA(model_a, model_b, NAMES, device="cpu") as peer:
            return peer._compare(pairs, progress=False)
    if tool == "torch-cka":
        peer = importlib.import_module("torch_cka").CKA(
            model_a, model_b, "a", "b", NAMES, NAMES, device="cpu"
        )
        peer.compare(pairs)
        return peer.export()["CKA"]
    peer = importlib.import_module("cka_pytorch").CKACalculator(
        model_a, model_b, NAMES, hook_recursive=False, verbose=False
    )
    return peer.calculate_cka_matrix(pairs, num_epochs=1)


def prepare(tool: str) -> None:
    """Import what a tool needs, so that neither its time nor its memory counts."""
    if tool == "cka-pytorch":
        from tutorial_vae.data.torchvision_import import import_torchvision

        import_torchvision()
    importlib.import_module(MODULES.get(tool, "tutorial_vae.similarity.comparison"))


def pictures(count: int = IMAGES):
    """Return smooth random images in [0, 1]."""
    import torch

    noise = torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.interpolate(noise, scale_factor=4, mode="bilinear")


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Time all tools in turn, and compare their tables with float64's."""
    import numpy as np
    import torch

    torch.set_num_threads(1)
    images = pictures()
    models = network(0), network(1)
    exact_models = network(0).double(), network(1).double()
    index = torch.arange(IMAGES)[:, None].float()
    order = torch.from_numpy(np.random.default_rng(0).permutation(IMAGES))
    exact = run("ours, 64", *exact_models, images)
    # The packages take the images as they come, ours in random order: give them that order.
    shuffled = images[order]
    kept = stored(models[0], shuffled), stored(models[1], shuffled)
    rows: dict[str, dict[str, float]] = {}
    tools = ("forward", "floor", *OURS, *PEERS)
    seconds: dict[str, list[float]] = {tool: [] for tool in tools}
    alone: dict[str, list[float]] = {tool: [] for tool in tools}
    failed: dict[str, str] = {}
    for tool in tools:
        try:
            prepare(tool)
        except Exception as error:  # a package that does not run is a result
            failed[tool] = f"{type(error).__name__}: {error}"[:80]
    for _ in range(rounds):
        for tool in tools:
            if tool in failed:
                continue
            try:
                started = time.perf_counter()
                table = run(tool, *models, images if tool in OURS else shuffled)
                seconds[tool].append(time.perf_counter() - started)
                if tool not in ("forward", "floor"):
                    rows.setdefault(tool, {})["error"] = (table - exact).abs().max().item()
                    started = time.perf_counter()
                    run(tool, *kept, index)
                    alone[tool].append(time.perf_counter() - started)
            except Exception as error:
                failed[tool] = f"{type(error).__name__}: {error}"[:80]
    for tool in tools:
        if tool in failed:
            rows[tool] = {"failed": failed[tool]}  # type: ignore[dict-item]
            continue
        row = rows.setdefault(tool, {})
        row["seconds"] = statistics.median(seconds[tool])
        for against in ("floor", "pytorch-cka"):
            if seconds[against] and against not in failed:
                ratios = [a / b for a, b in zip(seconds[tool], seconds[against], strict=True)]
                row[f"× {against}"] = statistics.median(ratios)
        if alone[tool] and alone["pytorch-cka"]:
            row["alone, s"] = statistics.median(alone[tool])
            ratios = [a / b for a, b in zip(alone[tool], alone["pytorch-cka"], strict=True)]
            row["alone × pytorch-cka"] = statistics.median(ratios)
    return rows


def peak(tool: str) -> None:
    """Print the peak memory of this process, in MB, and the seconds that one job took."""
    import torch

    torch.set_num_threads(1)
    started = time.perf_counter()
    if tool == "large":
        import tutorial_vae as tv

        models = [tv.VAE((1, 64, 64)) for _ in range(2)]
        generator = torch.Generator().manual_seed(0)
        images = torch.randint(0, 256, (10_000, 1, 64, 64), generator=generator, dtype=torch.uint8)
        tv.compare_layers(*models, images, precision="32", device="cpu")
        print(json.dumps([high_water(), time.perf_counter() - started]))
        return
    models, images = (network(0), network(1)), pictures()
    prepare(tool)
    run("forward", *models, images)
    before = high_water()
    run(tool, *models, images)
    print(json.dumps([high_water() - before, time.perf_counter() - started]))


def high_water() -> float:
    """Return the peak memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print the table and the bars."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--environment", type=Path, default=HERE / ".similarity-environment")
    parser.add_argument("--large", action="store_true", help="10,000 images on the 64×64 model")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part == "times":
        print(json.dumps(measure(options.rounds)))
        return
    if options.part:
        peak(options.part)
        return
    python = options.environment / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", options.environment], check=True)
        needed = ["-r", HERE / "similarity-requirements.txt", "-e", HERE.parent]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *needed], check=True)

    def part(name: str):
        command = [python, __file__, "--part", name, "--rounds", str(options.rounds)]
        quiet = {**os.environ, "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}
        done = subprocess.run(command, env=quiet, capture_output=True, text=True, check=False)
        if done.returncode:
            return None
        return json.loads(done.stdout.splitlines()[-1])

    if options.large:
        memory, seconds = part("large")
        print(f"10,000 images, two 64×64 models, exact: {memory:.0f} MB at most, {seconds:.0f} s")
        return
    rows = part("times")
    for tool, row in rows.items():
        if found := part(tool):
            row["MB above forward"] = found[0]
    columns = ["seconds", "× floor", "× pytorch-cka", "alone, s", "alone × pytorch-cka"]
    columns += ["MB above forward", "error"]
    print("  ".join([f"{'':<12}", *columns]))
    for tool, row in rows.items():
        cells = [
            f"{row[c]:{len(c)}.{'1e' if c == 'error' else '2f'}}" if c in row else " " * len(c)
            for c in columns
        ]
        print("  ".join([f"{tool:<12}", *cells, str(row.get("failed", ""))]))


if __name__ == "__main__":
    main()
