from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from training.datasets import Dataset, datasets_in, known_datasets, manifest_data

ONE = known_datasets()[0].model_dump()


def test_every_source_says_its_license_and_where_to_get_it() -> None:
    names = [dataset.name for dataset in known_datasets()]
    assert len(set(names)) == len(names)
    for dataset in known_datasets():
        assert all(re.fullmatch(r"[\w.-]+/[\w.-]+", repository) for repository in dataset.repositories)
        assert dataset.repositories or dataset.layout == "own-pictures"
        assert dataset.expects.startswith(f"{dataset.name}/")
        assert dataset.trains == (dataset.layout != "held-out")
    assert not any(dataset.trains for dataset in known_datasets() if dataset.name in ("realshop", "car_logos"))


def test_a_source_with_an_unknown_field_layout_or_split_is_refused() -> None:
    Dataset.model_validate(ONE)
    for change in ({"licence": "MIT"}, {"layout": "heap"}, {"splits": ["dev"]}, {"license": ""}, {"name": "../x"}):
        with pytest.raises(ValidationError):
            Dataset.model_validate(ONE | change)


def test_ones_own_pictures_are_read_where_no_known_folder_is(tmp_path: Path) -> None:
    (tmp_path / "marks").mkdir()
    assert [dataset.name for dataset in datasets_in(tmp_path)] == ["marks", "pictures"]
    (tmp_path / "clothing").mkdir()
    assert [dataset.name for dataset in datasets_in(tmp_path)] == ["clothing", "marks"]


def test_the_manifest_lists_what_was_used() -> None:
    data = manifest_data(("marks", "clothing"))
    assert list(data) == ["clothing", "marks"]
    assert json.loads(json.dumps(data))["marks"]["splits"] == ["train", "validation", "test"]
