"""What ``import tutorial_vae`` costs beyond ``import torch``: a bar of at most 0.3 s."""

import statistics
import subprocess
import sys
import time

ROUNDS = 7
STATEMENTS = {
    "import torch": "import torch",
    "import torch, tutorial_vae": "import torch, tutorial_vae",
    "… and touch tv.VAE, tv.fit, tv.cka": (
        "import torch, tutorial_vae as tv; tv.VAE; tv.fit; tv.cka"
    ),
}


def main() -> None:
    """Time fresh interpreters in turn and print medians."""
    seconds: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for _ in range(ROUNDS):
        for name, statement in STATEMENTS.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", statement], check=True)
            seconds[name].append(time.perf_counter() - started)
    floor = statistics.median(seconds["import torch"])
    print(f"Import, median of {ROUNDS} alternating runs")
    for name, values in seconds.items():
        median = statistics.median(values)
        print(f"  {name:<36} {median:6.2f} s  {median - floor:+.2f} s")
    print()


if __name__ == "__main__":
    main()
