"""CKA of all pairs of layers against the published packages and the floor, on one thread.

Two convolutional networks of eight layers, freshly initialised, read 2,048 images of 1×32×32 in
batches of 256. The floor is what nothing can avoid: both forward passes and, for each batch, one
product of every layer's features with themselves and one of all grams. Parts of the benchmark:

- ``times``: all tools in turn, round after round, the whole job and CKA alone (on activations that
  were stored before), so that ratios are those of the same minutes;
- ``errors``: largest error of each table against float64, on these networks and on the same ones
  with every channel standardised, where single precision is no obstacle;
- ``memory``: what the peak of a process rises above that of its own forward passes;
- ``forms``: the gram form against the feature form on both sides of where
  ``gram_and_feature_costs`` says that their costs cross, and what its choice loses;
- ``large``: 10,000 images in two 64×64 models, exact.

Every part adds its numbers to ``similarity.csv``, in place of its old ones, and the tables are
printed from there. The packages (``similarity-requirements.txt``) are installed into
``--environment`` on first use; this package is found through its source folder.

    python benchmarks/similarity.py [PART ...] [--rounds 3] [--environment FOLDER]
"""

import argparse
import csv
import importlib
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
TABLE = Path(__file__).with_suffix(".csv")
IMAGES, BATCH = 2048, 256
WIDTHS = (32, 32, 64, 64, 128, 128, 128, 128)
NAMES = [f"layer{i}" for i in range(8)]
OURS = {"ours, 32": "32", "ours, 64": "64", "ours, bf16": "bf16"}
MODULES = {"pytorch-cka": "cka", "torch-cka": "torch_cka", "cka-pytorch": "cka_pytorch"}
TOOLS = ("forward", "floor", *OURS, *MODULES)
PARTS = ("times", "errors", "memory", "forms", "large")
# Layers of each model, images, and features of each layer, on both sides of the crossover.
SIZES = [
    *((1, 1024, p) for p in (256, 512, 768, 1024)),
    *((8, 256, p) for p in (32, 64, 128)),
    *((8, 1024, p) for p in (128, 256, 512)),
    *((8, 2048, p) for p in (256, 512)),
]


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


def standardised(model, images):
    """Rescale the weights so that each channel has mean 0 and variance 1 over some images."""
    import torch

    with torch.no_grad():
        x = images[:BATCH].to(next(model.parameters()).dtype)
        for convolution, activation in model.children():
            made = convolution(x)
            mean, deviation = made.mean(dim=(0, 2, 3)), made.std(dim=(0, 2, 3))
            convolution.weight /= deviation[:, None, None, None]
            convolution.bias.sub_(mean).div_(deviation)
            x = activation(convolution(x))
    return model


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
        try:
            peer.compare(pairs)
        except AssertionError:  # its own check of its result, after all the work
            return torch.full((len(NAMES), len(NAMES)), math.nan)
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


def jobs():
    """Return both networks, the images, those in the order of ours, and stored activations."""
    import numpy as np
    import torch

    torch.set_num_threads(1)
    images = pictures()
    # The packages take the images as they come, ours in random order: give them that order.
    shuffled = images[torch.from_numpy(np.random.default_rng(0).permutation(IMAGES))]
    models = network(0), network(1)
    return models, images, shuffled, tuple(stored(model, shuffled) for model in models)


def times(rounds: int) -> dict[str, dict[str, float]]:
    """Time all tools in turn, CKA alone thrice as often; ratios are medians over the rounds."""
    import torch

    models, images, shuffled, kept = jobs()
    index = torch.arange(IMAGES)[:, None].float()
    for tool in TOOLS:
        prepare(tool)
    whole: dict[str, list[float]] = {tool: [] for tool in TOOLS}
    alone: dict[str, list[float]] = {tool: [] for tool in (*OURS, "pytorch-cka")}
    for _ in range(rounds):
        for tool in TOOLS:
            whole[tool].append(seconds(run, tool, *models, images if tool in OURS else shuffled))
        for tool in 3 * tuple(alone):
            alone[tool].append(seconds(run, tool, *kept, index))
    rows: dict[str, dict[str, float]] = {}
    for tool in TOOLS:
        rows[tool] = {"seconds": statistics.median(whole[tool])}
        for against in ("floor", "pytorch-cka"):
            rows[tool][f"× {against}"] = ratio(whole[tool], whole[against])
        if tool in alone:
            rows[tool]["alone, s"] = statistics.median(alone[tool])
            rows[tool]["alone × pytorch-cka"] = ratio(alone[tool], alone["pytorch-cka"])
    return rows


def seconds(function, *arguments) -> float:
    """Return how long one call takes."""
    started = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - started


def ratio(first: list[float], second: list[float]) -> float:
    """Return the median of paired ratios."""
    return statistics.median(a / b for a, b in zip(first, second, strict=True))


def errors() -> dict[str, dict[str, float]]:
    """Compare the tables of all tools with that of float64 throughout, networks included."""
    models, images, shuffled, _ = jobs()
    rows: dict[str, dict[str, float]] = {tool: {} for tool in TOOLS[2:]}
    for name in ("fresh", "standardised"):
        if name == "standardised":
            models = tuple(standardised(model, images) for model in models)
        exact = run("ours, 64", *(model.double() for model in models), images)
        models = tuple(model.float() for model in models)
        for tool, row in rows.items():
            prepare(tool)
            table = run(tool, *models, images if tool in OURS else shuffled)
            row[f"error, {name}"] = (table - exact).abs().max().item()
    return rows


def memory(tool: str) -> float:
    """Return what one job of this process adds to the peak of its forward passes, in MB."""
    import torch

    torch.set_num_threads(1)
    models, images = (network(0), network(1)), pictures()
    prepare(tool)
    run("forward", *models, images)
    before = high_water()
    run(tool, *models, images)
    return high_water() - before


def forms(rounds: int) -> dict[str, dict[str, float]]:
    """Time both forms of linear CKA, and say what the choice of the cost formula loses."""
    import torch
    from torch import nn

    from tutorial_vae.similarity import comparison
    from tutorial_vae.similarity.measures import gram_and_feature_costs

    class Parts(nn.Module):
        def __init__(self, count: int) -> None:
            super().__init__()
            self.parts = nn.ModuleList(nn.Identity() for _ in range(count))

        def forward(self, features: torch.Tensor) -> torch.Tensor:
            for part, some in zip(self.parts, features.chunk(len(self.parts), 1), strict=True):
                part(some)
            return features

    torch.set_num_threads(1)
    rows: dict[str, dict[str, float]] = {}
    for layers, n, p in SIZES:
        features = torch.randn(n, layers * p, generator=torch.Generator().manual_seed(0))
        models = Parts(layers), Parts(layers)
        found: dict[str, list[float]] = {"gram form": [], "feature form": []}
        for _ in range(rounds):
            for form, costs in (("gram form", (0, 1)), ("feature form", (1, 0))):
                comparison.gram_and_feature_costs = lambda *_, costs=costs: costs
                found[form].append(seconds(comparison.compare_layers, *models, features))
        comparison.gram_and_feature_costs = gram_and_feature_costs
        by_grams, by_features = gram_and_feature_costs(n, [p] * layers, [p] * layers)
        slower = ratio(found["feature form"], found["gram form"])
        chosen = by_features < by_grams
        rows[f"{layers} layers, n {n}, p {p}"] = {
            **{f"{form}, ms": 1e3 * statistics.median(found[form]) for form in found},
            "features / grams, formula": by_features / by_grams,
            "features / grams, measured": slower,
            "features chosen": float(chosen),
            "regret": max(1, slower if chosen else 1 / slower),
        }
    return rows


def large() -> dict[str, dict[str, float]]:
    """Compare two 64×64 models on 10,000 images; the peak is that of the whole process."""
    import torch

    import tutorial_vae as tv

    torch.set_num_threads(1)
    models = [tv.VAE((1, 64, 64)) for _ in range(2)]
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (10_000, 1, 64, 64), generator=generator, dtype=torch.uint8)
    took = seconds(lambda: tv.compare_layers(*models, images, device="cpu"))
    return {"10,000 images, 64×64": {"seconds": took, "MB of the process": high_water()}}


def high_water() -> float:
    """Return the peak memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def recorded() -> list[dict[str, str]]:
    """Return the numbers that the table holds."""
    if not TABLE.exists():
        return []
    with TABLE.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def record(part: str, rows: dict[str, dict[str, float]]) -> None:
    """Put the numbers of a part in place of its old ones."""
    from tutorial_vae_book.provenance import provenance

    made_by = provenance(f"python benchmarks/similarity.py {part}", 0)
    settings = {"hardware": made_by["processor"], "torch": made_by["torch"]}
    kept = [row for row in recorded() if row["part"] != part]
    for case, numbers in rows.items():
        for quantity, value in numbers.items():
            cells = {"part": part, "case": case, "quantity": quantity, "value": f"{value:.4g}"}
            kept.append(cells | settings)
    temporary = TABLE.with_suffix(".partial")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(kept[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept)
    temporary.replace(TABLE)


def show() -> None:
    """Print the tables, and the bars that they have to pass."""
    rows = recorded()

    def number(part: str, case: str, quantity: str) -> float:
        wanted = {"part": part, "case": case, "quantity": quantity}
        return float(next((r["value"] for r in rows if wanted.items() <= r.items()), "nan"))

    for part_names in (("times", "errors", "memory"), ("forms",), ("large",)):
        part_rows = [row for row in rows if row["part"] in part_names]
        if not part_rows:
            continue
        columns = list(dict.fromkeys(row["quantity"] for row in part_rows))
        cases = list(dict.fromkeys(row["case"] for row in part_rows))
        values = {(row["case"], row["quantity"]): row["value"] for row in part_rows}
        print("  ".join([f"{'':<22}", *columns]))
        for case in cases:
            cells = [f"{values.get((case, column), ''):>{len(column)}}" for column in columns]
            print("  ".join([f"{case:<22}", *cells]))
        print()
    regrets = [float(row["value"]) for row in rows if row["quantity"] == "regret"]
    half = number("memory", "pytorch-cka", "MB above forward") / 2
    for name, value, bar in (
        ("whole job, × floor", number("times", "ours, 32", "× floor"), 1.1),
        ("whole job, × pytorch-cka", number("times", "ours, 32", "× pytorch-cka"), 1.0),
        ("bf16 alone, × pytorch-cka", number("times", "ours, bf16", "alone × pytorch-cka"), 0.6),
        ("error of 32, fresh", number("errors", "ours, 32", "error, fresh"), 1e-6),
        ("error of bf16, fresh", number("errors", "ours, bf16", "error, fresh"), 1e-4),
        ("MB above forward", number("memory", "ours, 32", "MB above forward"), half),
        ("large, MB", number("large", "10,000 images, 64×64", "MB of the process"), 1500),
        ("worst regret of the cost formula", max(regrets, default=math.nan), 2),
    ):
        if math.isfinite(value):
            verdict = "yes" if value <= bar else "NO"
            print(f"{name:<34}{value:10.4g}   at most {bar:.4g}: {verdict}")


def main() -> None:
    """Measure the chosen parts, each in processes of its own, and print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--environment", type=Path, default=HERE / ".similarity-environment")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    measures = {
        "times": lambda: times(options.rounds),
        "errors": errors,
        "forms": lambda: forms(options.rounds),
        "large": large,
    }
    if options.measure:
        measure = measures.get(options.measure, lambda: memory(options.measure))
        print(json.dumps(measure()))
        return
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"PART must be one of {', '.join(PARTS)}, not {', '.join(unknown)}")
    python = options.environment / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", options.environment], check=True)
        needed = ["-r", HERE / "similarity-requirements.txt", "-e", HERE.parent]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *needed], check=True)

    def measured(name: str):
        command = [python, __file__, "--measure", name, "--rounds", str(options.rounds)]
        quiet = {**os.environ, "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}
        done = subprocess.run(command, env=quiet, stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])

    for part in options.parts or PARTS:
        if part == "memory":
            rows = {tool: {"MB above forward": measured(tool)} for tool in TOOLS[2:]}
        else:
            rows = measured(part)
        record(part, rows)
    show()


if __name__ == "__main__":
    main()
