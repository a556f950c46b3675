"""docs/settings.md is held to the settings themselves."""

from pathlib import Path

import pytest

from domain.errors import SettingRefused
from domain.settings import Settings, load_settings

DOCS = Path(__file__).resolve().parents[3] / "docs" / "settings.md"


def documented() -> dict[str, tuple[str, str]]:
    rows = [line.strip("| \n").split(" | ") for line in DOCS.read_text().splitlines() if line.startswith("| `ASSAYER_")]
    return {name.strip("`"): (default.strip("`"), meaning) for name, default, meaning in rows}


def test_every_setting_is_documented_with_its_default_and_meaning() -> None:
    expected = {
        f"ASSAYER_{name.upper()}": ("" if field.default in (None, "") else str(field.default), field.description)
        for name, field in Settings.model_fields.items()
    }
    assert documented() == expected


@pytest.mark.parametrize("tenant", ["../x", "", "a/b", ".hidden", "x" * 65])
def test_a_tenant_that_could_leave_its_folder_is_refused(tenant: str) -> None:
    with pytest.raises(SettingRefused) as refused:
        load_settings(tenant=tenant)
    assert refused.value.field == "ASSAYER_TENANT"
