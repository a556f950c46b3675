"""The sources that training and evaluation know, as ``datasets.toml`` lists them."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from training.splits import Split

Layout = Literal["split-folders", "product-folders", "own-pictures", "marks", "held-out"]
Use = Literal["photographs", "classes", "products", "cutouts", "marks", "evaluation"]

_LISTED = Path(__file__).with_name("datasets.toml")


class Dataset(BaseModel):
    """One source."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Also its folder."""
    title: str
    repositories: tuple[str, ...]
    """Where to get it: ``owner/name`` on GitHub; none for one's own pictures."""
    license: str = Field(min_length=1)
    """SPDX expressions, several where the source has several."""
    layout: Layout
    """How its folder is read, see the head of ``datasets.toml``."""
    expects: str
    """What lies in its folder."""
    uses: tuple[Use, ...] = Field(min_length=1)
    splits: tuple[Split, ...] = Field(min_length=1)

    @property
    def trains(self) -> bool:
        """Whether anything of it may train."""
        return "train" in self.splits


class _Listed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: tuple[Dataset, ...]


@cache
def known_datasets() -> tuple[Dataset, ...]:
    """Every source, in the file's order."""
    return _Listed.model_validate(tomllib.loads(_LISTED.read_text(encoding="utf-8"))).dataset


def datasets_in(data_dir: Path) -> tuple[Dataset, ...]:
    """The sources whose folder lies in `data_dir`; one's own pictures where there is none to train with."""
    found = tuple(dataset for dataset in known_datasets() if (data_dir / dataset.name).is_dir())
    if any("photographs" in dataset.uses for dataset in found):
        return found
    return (*found, *(dataset for dataset in known_datasets() if dataset.layout == "own-pictures"))


def manifest_data(names: tuple[str, ...]) -> dict[str, dict[str, object]]:
    """What a model's manifest says of its data: by name, where it is from, its license and its part in training."""
    return {
        dataset.name: dataset.model_dump(mode="json", include={"title", "repositories", "license", "uses", "splits"})
        for dataset in known_datasets()
        if dataset.name in names
    }
