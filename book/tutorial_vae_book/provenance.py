"""How a measurement was made."""

import os
import platform
from pathlib import Path
from typing import Any

import torch

from tutorial_vae import __version__


def provenance(command: str, seconds: float) -> dict[str, Any]:
    """Return what a reader must know to judge a measured number: command, versions, hardware, time.

    Args:
        command: what was typed.
        seconds: how long it took.
    """
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "command": command,
        "tutorial_vae": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "processor": f"{os.cpu_count()} × {_processor()}",
        "gpu": gpu,
        "seconds": round(seconds),
    }


def _processor() -> str:
    """Return the processor's name; platform.processor is empty on most Linux systems."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
