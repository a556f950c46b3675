"""Settings from arguments, environment and TOML."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from domain.errors import SettingRefused
from domain.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings are read from the working directory and an environment that nobody has set up."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("ASSAYER_")]:
        monkeypatch.delenv(name)
    return tmp_path


def test_every_setting_has_a_default_and_says_what_it_does() -> None:
    load_settings()
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert not field.is_required(), name


def test_everything_lives_in_the_home_folder_unless_said_otherwise(folder: Path) -> None:
    settings = load_settings()
    assert settings.resolved_database_url == f"sqlite:///{folder}/assayer-data/assayer.db"
    assert settings.resolved_evidence_url == f"{folder}/assayer-data/evidence"
    assert settings.index_dir == Path("assayer-data/index/default")
    elsewhere = load_settings(
        database_url="postgresql://host/x", evidence_url="s3://bucket/x", tenant="acme", home=folder
    )
    assert elsewhere.resolved_database_url == "postgresql://host/x"
    assert elsewhere.resolved_evidence_url == "s3://bucket/x"
    assert elsewhere.index_dir == folder / "index" / "acme"


def test_the_environment_beats_the_file_and_an_argument_beats_both(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "assayer.toml").write_text('tenant = "of-the-file"\nonnx_threads = 3\nhome = "from-file"\n')
    assert load_settings().tenant == "of-the-file"
    monkeypatch.setenv("ASSAYER_TENANT", "of-the-environment")
    monkeypatch.setenv("ASSAYER_ALLOW_LOOPBACK", "true")
    settings = load_settings()
    assert (settings.tenant, settings.onnx_threads, settings.home) == ("of-the-environment", 3, Path("from-file"))
    assert settings.allow_loopback is True
    assert load_settings(tenant="of-the-argument").tenant == "of-the-argument"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ASSAYER_MAX_IMAGE_PIXELS", "0"),
        ("ASSAYER_MAX_IMAGE_BYTES", "many"),
        ("ASSAYER_FETCH_TIMEOUT_S", "-1"),
        ("ASSAYER_ONNX_THREADS", "-1"),
        ("ASSAYER_TENANT", ""),
        ("ASSAYER_ALLOW_LOOPBACK", "perhaps"),
    ],
)
def test_an_impossible_value_is_refused_by_its_name(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingRefused) as refusal:
        load_settings()
    assert refusal.value.field == name
    assert refusal.value.exit_code == 2
    assert "docs/settings.md" in refusal.value.advice


def test_a_setting_that_does_not_exist_is_refused_not_ignored(folder: Path) -> None:
    (folder / "assayer.toml").write_text('tennant = "acme"\n')
    with pytest.raises(SettingRefused) as refusal:
        load_settings()
    assert refusal.value.field == "ASSAYER_TENNANT"


@pytest.mark.parametrize("content", [b"tenant = ", b"tenant = '\xff'"])
def test_a_file_that_is_not_toml_is_refused_by_name(folder: Path, content: bytes) -> None:
    (folder / "assayer.toml").write_bytes(content)
    with pytest.raises(SettingRefused) as refusal:
        load_settings()
    assert refusal.value.file == "assayer.toml"


def test_settings_do_not_change_under_those_who_hold_them() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().tenant = "other"  # type: ignore[misc]
