"""JSON Schemas of what is read, made from the readers themselves.

`python -m jobs.intake.schemas docs/schemas` writes the files that docs/formats.md points to; a test holds them equal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from jobs.intake.listing_row import ListingRow
from jobs.intake.rights_holders import RightsHoldersFile

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FORMS: Mapping[str, type[BaseModel]] = {
    "listing.schema.json": ListingRow,
    "rights_holders.schema.json": RightsHoldersFile,
}
"""File name of a schema, and the reader that it describes."""


def json_schema(name: str) -> dict[str, Any]:
    """The schema of one of `FORMS`."""
    return {"$schema": DIALECT, **FORMS[name].model_json_schema()}


def write_schemas(folder: Path) -> None:
    """Write all of them into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in FORMS:
        text = json.dumps(json_schema(name), indent=2, ensure_ascii=False)
        (folder / name).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_schemas(Path(sys.argv[1]))
