"""Execute the notebooks and store in them what they show.

``python notebooks/execute.py`` does all, ``python notebooks/execute.py FILE ...`` some. Nothing
else writes outputs into a notebook, and the tests see that they are of the code beside them. What
the notebooks simulate goes to ``notebooks/gnnglass-notebooks``, as when they are run in Jupyter,
and is not simulated again.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from gnnglass import __version__

FOLDER = Path(__file__).parent
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
#: Longest time for a cell, in seconds.
TIMEOUT = 1800
#: What progress bars are to Jupyter. They say nothing once the work is done.
WIDGETS = "application/vnd.jupyter.widget-view+json"
#: What a notebook must not hold: where it was made, and addresses in memory.
OF_THIS_MACHINE = re.compile(r"/(?:home|root|tmp|Users|work|content)/|0x[0-9a-f]{6,}")


def code_of(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """The cells with code."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def digest_of(notebook: nbformat.NotebookNode) -> str:
    """SHA-256 of all code, in hexadecimal."""
    code = "\0".join(cell.source for cell in code_of(notebook))
    return hashlib.sha256(code.encode()).hexdigest()


def executed(notebook: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """The notebook with what its code shows, without progress bars.

    Args:
        notebook: It is executed from the first cell to the last, whatever outputs it holds.
        folder: Working folder of the code.

    Raises:
        nbclient.exceptions.CellExecutionError: If a cell ends in an error.
    """
    fresh = nbformat.from_dict(notebook)
    where = {"metadata": {"path": str(folder)}}
    NotebookClient(fresh, timeout=TIMEOUT, kernel_name="python3", resources=where).execute()
    fresh.metadata.pop("widgets", None)
    for number, cell in enumerate(code_of(fresh), start=1):
        cell.execution_count = number
        cell.metadata.pop("execution", None)
        kept = [one for one in cell.outputs if WIDGETS not in one.get("data", {})]
        cell.outputs = [_stored(output, number) for output in joined(kept)]
    fresh.metadata["gnnglass"] = {"version": __version__, "code": digest_of(fresh)}
    return fresh


def joined(outputs: Sequence[Any]) -> list[Any]:
    """The outputs of a cell, with printed text in one piece, however the kernel sent it."""
    whole: list[Any] = []
    for output in outputs:
        before: Any = whole[-1] if whole else {}
        if output.output_type == "stream" and before.get("name") == output.name:
            before.text += output.text
        else:
            whole.append(output)
    return whole


def _stored(output: Any, number: int) -> Any:
    """An output as it is stored: its pictures with 256 colours, its number that of the cell."""
    if "execution_count" in output:
        output.execution_count = number
    if "image/png" in output.get("data", {}):
        output.data["image/png"] = _smaller(output.data["image/png"])
    return output


def _smaller(png: str) -> str:
    from PIL import Image

    packed = io.BytesIO()
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    # What few dots have, such as the ends of a scale, keeps its colour; medians would merge it.
    few = picture.quantize(256, method=Image.Quantize.MAXCOVERAGE)
    few.save(packed, "png", optimize=True)
    return base64.b64encode(packed.getvalue()).decode()


def faults(notebook: nbformat.NotebookNode) -> Iterator[str]:
    """What is wrong with the outputs of a notebook, each in a sentence."""
    for number, cell in enumerate(code_of(notebook), start=1):
        if cell.execution_count != number:
            yield f"cell {number} was not executed in order."
        for output in cell.outputs:
            if output.output_type == "error":
                yield f"cell {number} ended in an error."
            if output.get("name") == "stderr":
                yield f"cell {number} wrote to stderr: {output.text[:200]!r}."
            shown = [output.get("text", ""), *output.get("data", {}).values()]
            # Pictures are letters and digits.
            text = re.sub(r"base64,[\w+/=]+", "", " ".join(map(str, shown)))
            if "image/png" not in output.get("data", {}) and (
                found := OF_THIS_MACHINE.search(text)
            ):
                yield f"cell {number} shows {found[0]!r}, which is of one machine."


def main(files: Sequence[Path]) -> None:
    """Execute notebooks in place."""
    for path in files:
        fresh = executed(nbformat.read(path, as_version=4), FOLDER)
        for fault in faults(fresh):
            sys.exit(f"{path.name}: {fault}")
        nbformat.write(fresh, path)
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="*", type=Path, default=NOTEBOOKS, help="all if none")
    main(parser.parse_args().files)
