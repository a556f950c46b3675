"""Brand marks of a local folder, by split."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.errors import BadInput
from domain.progress import Progress, silent
from training.mark_masks import MARK_SIDE, MAX_SVG_BYTES, Mask, render_mark
from training.photographs import LeftOut
from training.splits import SPLITS, Split, split_of


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Marks:
    """The marks of one split."""

    masks: NDArray[np.uint8]
    """(n, 96, 96) uint8."""
    names: tuple[str, ...]


def read_marks(
    data_dir: Path,
    splits: tuple[Split, ...] = SPLITS,
    *,
    most: int | None = None,
    left_out: LeftOut,
    progress: Progress = silent,
) -> dict[Split, Marks]:
    """What ``marks/svg`` below `data_dir` holds for each of `splits`, at most `most` of each, evenly by name."""
    paths: dict[Split, list[Path]] = {split: [] for split in splits}
    for path in sorted((data_dir / "marks" / "svg").glob("*.svg")):
        split = split_of("mark", path.stem)
        if split in paths:
            paths[split].append(path)
    marks: dict[Split, Marks] = {}
    for split, all_paths in paths.items():
        step = 1 if most is None else max(1, -(-len(all_paths) // most))
        marks[split] = _rendered(all_paths[::step], split, left_out, progress)
    return marks


def stack_masks(masks: Iterable[Mask]) -> NDArray[np.uint8]:
    """(n, 96, 96), also of none."""
    listed = list(masks)
    return np.stack(listed) if listed else np.zeros((0, MARK_SIDE, MARK_SIDE), np.uint8)


def _rendered(paths: list[Path], split: Split, left_out: LeftOut, progress: Progress) -> Marks:
    found: dict[str, Mask] = {}
    for done, path in enumerate(paths, start=1):
        try:
            with path.open("rb") as file:
                found[path.stem] = render_mark(file.read(MAX_SVG_BYTES + 1))
        except (BadInput, OSError) as error:
            reason = error.reason if isinstance(error, BadInput) else "not readable"
            left_out.note(f"mark: {reason.partition(' (')[0]}", path.name)
        progress(f"{split} marks", done, len(paths))
    return Marks(masks=stack_masks(found.values()), names=tuple(found))
