"""Execute the chapters in place and normalise what is stored, so that a rerun changes little.

    python book/tools/execute_notebooks.py [NOTEBOOK ...]

Without arguments it takes every chapter in notebooks/ and the solutions. A notebook is written only
when all of its cells ran. The chapters' run times and peak memory go into book/run_times.csv, which
the book shows.
"""

import csv
import hashlib
import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
RUN_TIMES = ROOT / "book" / "run_times.csv"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
PEAK_MEMORY = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
MEMORY_ADDRESS = re.compile(r"\bat 0x[0-9a-f]{6,}\b")


def execute(path: Path) -> dict[str, Any]:
    """Run one chapter, write it normalised, and return its name, seconds and peak memory."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    started = time.perf_counter()
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            client.execute_cell(cell, index)
        client.set_widgets_metadata()
        seconds = time.perf_counter() - started
        notebook.cells.append(nbformat.v4.new_code_cell(PEAK_MEMORY))
        client.execute_cell(notebook.cells[-1], len(notebook.cells) - 1)
        asked = notebook.cells.pop()
    normalise(notebook, path.stem)
    nbformat.validate(notebook)
    temporary = path.with_suffix(".ipynb.tmp")
    nbformat.write(notebook, temporary)
    temporary.replace(path)
    peak = int(asked.outputs[0].text) / 1024**2  # Linux counts in KiB
    return {"chapter": path.stem, "seconds": round(seconds), "peak memory (GB)": f"{peak:.1f}"}


def normalise(notebook: nbformat.NotebookNode, name: str) -> None:
    """Give cells and widgets stable names and drop what differs from run to run.

    Raises:
        ValueError: an output holds what no reader should see: something on the error stream, or a
            memory address.
    """
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
            "widgets": notebook.metadata.get("widgets", {}),
        }
    )
    count = 0
    for position, cell in enumerate(notebook.cells):
        cell.id = f"{name.replace('_', '-')[:40]}-{position:02d}"
        if cell.cell_type != "code":
            continue
        count += 1
        cell.execution_count = count
        cell.outputs = _merged(cell.outputs)
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = count
            if output.get("name") == "stderr":
                raise ValueError(f"{name}, cell {position} wrote to stderr: {output.text}")
            if MEMORY_ADDRESS.search(json.dumps(output)):
                raise ValueError(f"{name}, cell {position} shows a memory address")
    _normalise_widgets(notebook, name)


def _merged(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Join what was printed in pieces, which fall differently from run to run."""
    merged: list[nbformat.NotebookNode] = []
    for output in outputs:
        before = merged[-1] if merged else {}
        if output.output_type == "stream" and before.get("name") == output.name:
            before["text"] += output.text
        else:
            merged.append(output)
    return merged


def _normalise_widgets(notebook: nbformat.NotebookNode, name: str) -> None:
    """Keep the widgets that are shown, with what they refer to, under stable names."""
    state = notebook.metadata.widgets.get(WIDGET_STATE, {}).get("state", {})
    views = [view["model_id"] for view in _views(notebook)]
    kept: dict[str, str] = {}

    def keep(model: str) -> None:
        if model in state and model not in kept:
            digest = hashlib.sha256(f"{name}-{len(kept)}".encode()).hexdigest()
            kept[model] = digest[:32]
            for reference in re.findall(r"IPY_MODEL_([0-9a-f]+)", json.dumps(state[model])):
                keep(reference)

    for view in views:
        keep(view)
    for view in _views(notebook):
        view["model_id"] = kept[view["model_id"]]
    if not kept:
        del notebook.metadata["widgets"]
        return
    text = json.dumps({kept[model]: state[model] for model in kept}, sort_keys=True)
    for old, new in kept.items():
        text = text.replace(f"IPY_MODEL_{old}", f"IPY_MODEL_{new}")
    notebook.metadata.widgets[WIDGET_STATE]["state"] = nbformat.from_dict(json.loads(text))


def _views(notebook: nbformat.NotebookNode) -> Iterator[dict[str, Any]]:
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if WIDGET_VIEW in output.get("data", {}):
                yield output["data"][WIDGET_VIEW]


def record(measured: list[dict[str, Any]]) -> None:
    """Bring the table of run times up to date."""
    if not measured:
        return
    rows: dict[str, dict[str, Any]] = {}
    if RUN_TIMES.exists():
        with RUN_TIMES.open(newline="") as file:
            rows = {row["chapter"]: row for row in csv.DictReader(file)}
    rows |= {row["chapter"]: row for row in measured}
    with RUN_TIMES.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(next(iter(rows.values()))), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[name] for name in sorted(rows))


def main() -> None:
    """Execute the chapters named on the command line, or all of them."""
    paths = [Path(name).resolve() for name in sys.argv[1:]]
    paths = paths or sorted((ROOT / "notebooks").rglob("[0-9][0-9]_*.ipynb"))
    measured = []
    for path in paths:
        print(f"{path.stem} …", end=" ", flush=True)
        row = execute(path)
        print(f"{row['seconds']} s, {row['peak memory (GB)']} GB")
        if path.parent.name == "notebooks":
            measured.append(row)
    record(measured)


if __name__ == "__main__":
    main()
