"""The logos of an index in its folder: arrays and search structures; the references stand in the checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import faiss
import numpy as np

from index.logo_index import LogoArrays, LogoIndex, LogoReference, owners_of
from index.vector_search import VectorSearch
from index.votes import DescriptorVotes

_SEARCH, _VOTES = "search.faiss", "votes.faiss"


def write_logos(folder: Path, logos: LogoIndex) -> None:
    """All of it but the references; the search structure only where not every vector is compared anyway."""
    folder.mkdir()
    for field in fields(LogoArrays):
        np.save(folder / f"{field.name}.npy", getattr(logos.arrays, field.name), allow_pickle=False)
    if logos.vector_search.index is not None:
        faiss.write_index(logos.vector_search.index, str(folder / _SEARCH))
    faiss.write_index(logos.votes.index, str(folder / _VOTES))


def read_logos(folder: Path, references: Sequence[LogoReference]) -> LogoIndex:
    """What `write_logos` wrote. Raises OSError, ValueError or RuntimeError where it cannot be read."""
    arrays = LogoArrays(
        **{field.name: np.load(folder / f"{field.name}.npy", allow_pickle=False) for field in fields(LogoArrays)}
    )
    index = faiss.read_index(str(folder / _SEARCH)) if (folder / _SEARCH).exists() else None
    votes = DescriptorVotes(faiss.read_index(str(folder / _VOTES)), owners_of(references))
    return LogoIndex(references, arrays, VectorSearch(arrays.vectors, index), votes)
