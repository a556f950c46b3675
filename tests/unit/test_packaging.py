"""What pyproject.toml lists is what is there: a package that is missing from the list is missing from the wheel."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOT_PACKAGES = {"tests", "notebooks", "benchmarks", "docs"}


def test_every_package_is_listed() -> None:
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    found = {
        ".".join(init.parent.relative_to(ROOT).parts)
        for init in ROOT.rglob("__init__.py")
        if init.relative_to(ROOT).parts[0] not in NOT_PACKAGES | {"build"}
        and not init.relative_to(ROOT).parts[0].startswith(".")
    }
    assert found == listed
