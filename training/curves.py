"""A training run's curves as a picture."""

from __future__ import annotations

import csv
from pathlib import Path


def plot_curves(table: Path, out: Path) -> None:
    """Losses and held-out recalls of ``curves.csv`` over the pictures seen, side by side in one PNG."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter

    with table.open(newline="") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    figure = Figure(figsize=(10, 4), layout="constrained")
    for axes, ending, title in zip(figure.subplots(1, 2), ("_loss", ""), ("loss", "held out"), strict=True):
        names = [name for name in rows[0] if name.endswith("_loss") or "recall" in name]
        for name in names:
            if name.endswith("_loss") == bool(ending):
                axes.plot([row["pictures"] for row in rows], [row[name] for row in rows], label=name.replace("_", " "))
        axes.set(xlabel="pictures seen", title=title)
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(out, dpi=120)
