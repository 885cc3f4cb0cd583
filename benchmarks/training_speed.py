"""Steps per second of ``fit`` against the floor, in alternating single-thread runs.

The floor is what no training loop can avoid: forward, backward and fused Adam on one constant
batch, without data, history or checks. The bar is 0.95 of it.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

import tutorial_vae as tv

BATCH_SIZE = 64
SHAPE = (1, 32, 32)


def floor(model: tv.VAE, images: torch.Tensor, steps: int, precision: str, device: str) -> None:
    """Take steps on one batch and nothing else."""
    batch = images[:BATCH_SIZE].to(device).float() / 255
    model.to(device)
    if precision == "bf16":
        model.to(memory_format=torch.channels_last)
        batch = batch.contiguous(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    for _ in range(steps):
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
            bound = tv.elbo(model, batch)
        optimiser.zero_grad(set_to_none=True)
        (-bound.elbo.mean()).backward()
        optimiser.step()
    if device == "cuda":
        torch.cuda.synchronize()


def fit(model: tv.VAE, images: torch.Tensor, steps: int, precision: str, device: str) -> None:
    """Take the same number of steps with the package's loop."""
    tv.fit(
        model,
        images,
        steps=steps,
        batch_size=BATCH_SIZE,
        precision=precision,
        device=device,
        progress=False,
    )


def steps_per_second(
    run: Callable[..., None], images: torch.Tensor, steps: int, precision: str, device: str
) -> float:
    """Time one run of a fresh model."""
    torch.manual_seed(0)
    model = tv.VAE(SHAPE)
    started = time.perf_counter()
    run(model, images, steps, precision, device)
    return steps / (time.perf_counter() - started)


def main() -> None:
    """Print medians and the ratio of paired runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    options, _ = parser.parse_known_args()
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (5000, *SHAPE), dtype=torch.uint8, generator=generator)
    print(
        f"Training, {'×'.join(map(str, SHAPE))}, batch {BATCH_SIZE}, {options.device}, one thread, "
        f"median of {options.rounds} alternating runs of {options.steps} steps"
    )
    for precision in ("32", "bf16"):
        speeds: dict[str, list[float]] = {"floor": [], "fit": []}
        for run in (floor, fit):
            steps_per_second(run, images, 50, precision, options.device)
        for _ in range(options.rounds):
            for run in (floor, fit):
                speeds[run.__name__].append(
                    steps_per_second(run, images, options.steps, precision, options.device)
                )
        ratio = statistics.median(
            a / b for a, b in zip(speeds["fit"], speeds["floor"], strict=True)
        )
        medians = {name: statistics.median(values) for name, values in speeds.items()}
        print(
            f"  precision {precision:<5} floor {medians['floor']:7.1f} steps/s   "
            f"fit {medians['fit']:7.1f} steps/s   fit / floor {ratio:.3f}"
        )
    print()


if __name__ == "__main__":
    main()
