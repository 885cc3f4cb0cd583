#!/usr/bin/env bash
# nbval 0.11.0 compares what a cell prints with what is stored, but not what it shows as a picture.
#
# Seen with nbval 0.11.0, nbformat 5.11.1, ipykernel 7.4.0, pytest 9.2.0: a notebook stores a white
# picture, executed again its cell shows a black one, and `pytest --nbval` reports "1 passed". The
# control, a stored word that is another one, reports "1 failed". So a figure of a book whose
# notebooks are "tested by nbval" can be swapped for any other. This project compares figures and
# explorers by a plugin of its own (tutorial_vae_book/chapter_testing.py).
#
# Needs Python 3.11 or newer. Fails when the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment
environment/bin/python -m pip install --quiet --disable-pip-version-check \
    nbval==0.11.0 nbformat==5.11.1 ipykernel==7.4.0 pytest==9.2.0

cat > make.py <<'PYTHON'
import base64
import struct
import zlib

import nbformat


def png(level):
    """A picture of 16×16 pixels of one grey level."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 16, 16, 8, 0, 0, 0, 0)
    pixels = zlib.compress((b"\0" + bytes([level]) * 16) * 16)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def write(name, source, output):
    cell = nbformat.v4.new_code_cell(source, outputs=[output], execution_count=1)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), name)


black, white = (base64.b64encode(png(level)).decode() for level in (0, 255))
show = f"from IPython.display import Image\nimport base64\ndisplay(Image(base64.b64decode({black!r})))"
data = {"image/png": white, "text/plain": "<IPython.core.display.Image object>"}
write("picture.ipynb", show, nbformat.v4.new_output("display_data", data))
write("word.ipynb", "print('black')", nbformat.v4.new_output("stream", name="stdout", text="white\n"))
PYTHON
environment/bin/python make.py

picture=$(environment/bin/python -m pytest --nbval -q picture.ipynb 2>&1 | tail -n 1 || true)
word=$(environment/bin/python -m pytest --nbval -q word.ipynb 2>&1 | tail -n 1 || true)
echo "another picture: $picture"
echo "another word:    $word"
[[ $picture == *"1 passed"* ]] || { echo "CHANGED: nbval notices another picture" >&2; exit 1; }
[[ $word == *"1 failed"* ]] || { echo "CHANGED: nbval does not notice another word" >&2; exit 1; }
