"""Execute the notebooks: `make notebooks` in place, the tests into a folder of their own.

In place they are executed without the real photographs, whatever lies beside the repository: those may not be copied
into it, and the outputs are committed. Each runs in an empty folder, with a configuration of Jupyter's of its own.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from traitlets.config import Config

HERE = Path(__file__).resolve().parent
CELL_TIMEOUT_S = 1_200
STARTUP_TIMEOUT_S = 300


def execute(notebook: Path, out: Path) -> None:
    """Write `notebook` with fresh outputs to `out`. Raises CellExecutionError with the cell and its traceback."""
    content = nbformat.read(notebook, as_version=4)
    metadata = dict(content.metadata)
    with tempfile.TemporaryDirectory() as place:
        # nothing of who runs this gets in, and no history or connection file stays behind
        for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
            folder = Path(place) / name.lower()
            folder.mkdir()
            os.environ[name] = str(folder)
        work = Path(place) / "work"
        work.mkdir()
        NotebookClient(
            content,
            kernel_name="python3",
            timeout=CELL_TIMEOUT_S,
            startup_timeout=STARTUP_TIMEOUT_S,
            record_timing=False,
            resources={"metadata": {"path": str(work)}},
            # by files that only this user may open, not by ports
            config=Config({"KernelManager": {"transport": "ipc", "ip": str(Path(place) / "kernel")}}),
        ).execute()
        if left := sorted(path.name for path in work.iterdir()):
            raise SystemExit(f"{notebook.name} left files in the working folder: {', '.join(left)}")
    content.metadata = nbformat.from_dict(metadata)  # the version of who executed it would change in every commit
    nbformat.write(content, out)


def main() -> None:
    """Those named, or all."""
    parser = argparse.ArgumentParser(description="Execute the notebooks, in place unless a folder is named.")
    parser.add_argument("names", nargs="*", help="such as neighbors; none: all")
    parser.add_argument("--out", type=Path, help="folder for the executed copies, which show real photographs too")
    arguments = parser.parse_args()
    if arguments.out is None:
        for name in [name for name in os.environ if name.startswith("ASSAYER_")]:
            del os.environ[name]  # what is committed shows what is shipped
        os.environ["ASSAYER_TEST_DATA"] = os.devnull
    for notebook in [HERE / f"{name}.ipynb" for name in arguments.names] or sorted(HERE.glob("*.ipynb")):
        execute(notebook, (arguments.out or HERE) / notebook.name)


if __name__ == "__main__":
    main()
