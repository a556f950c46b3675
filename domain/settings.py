"""Every setting: its name with its unit, its default, and what it does. docs/settings.md is held to this."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from domain.errors import SettingRefused


class Settings(BaseSettings):
    """Read from ``ASSAYER_*`` in the environment, then from ``assayer.toml`` in the working directory."""

    model_config = SettingsConfigDict(env_prefix="ASSAYER_", toml_file="assayer.toml", extra="forbid", frozen=True)

    home: Path = Field(Path("assayer-data"), description="Folder that holds database, evidence and index.")
    database_url: str = Field("", description="SQLAlchemy URL of the records; empty: SQLite in the home folder.")
    evidence_url: str = Field(
        "", description="Folder (or fsspec URL) of the evidence store; empty: in the home folder."
    )
    tenant: str = Field(
        "default",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$",
        description="Whose records are read and written; letters, digits, '_', '.', '-'.",
    )
    models_dir: Path | None = Field(None, description="Folder of ONNX models; unset: the embedded ones.")
    onnx_threads: int = Field(
        0,
        ge=0,
        description="Threads of ONNX Runtime for one batch of pictures; 0: one where listings are scored side by side, "
        "one per core elsewhere.",
    )
    false_match_rate: float = Field(
        0.01, gt=0, lt=1, description="Share of unrelated pictures that may match a catalog; thresholds are set for it."
    )
    distractors_dir: Path | None = Field(
        None, description="Folder of pictures that show nothing of the catalog; they set the thresholds too."
    )
    drawn_distractors: int = Field(200, ge=0, description="Pictures that are drawn to set the thresholds with.")
    max_image_bytes: int = Field(20_000_000, gt=0, description="Largest image file that is read.")
    max_image_pixels: int = Field(50_000_000, gt=0, description="Largest image that is decoded, in pixels.")
    max_listing_pixels: int = Field(
        100_000_000, gt=0, description="Most pixels decoded of one listing's images together; what is more is refused."
    )
    max_archive_bytes: int = Field(
        2_000_000_000, gt=0, description="Largest total of a ZIP's unpacked files, in bytes."
    )
    max_archive_files: int = Field(100_000, gt=0, description="Most files in a ZIP.")
    max_archive_ratio: int = Field(200, gt=1, description="Largest unpacked to packed ratio of a ZIP member.")
    fetch_timeout_s: float = Field(10.0, gt=0, description="Longest time for one URL, redirects included.")
    fetch_max_redirects: int = Field(5, ge=0, description="Most redirects followed for one URL.")
    allow_loopback: bool = Field(
        False, description="Permit URLs to this machine's loopback; for the demo and tests only."
    )
    user_agent: str = Field(
        "Assayer/0.1 (+mailto:set-ASSAYER_CONTACT@invalid)",
        description="How crawler and fetcher introduce themselves; put a contact address in.",
    )
    notifier_name: str = Field("", description="Who signs notices; empty: the rights holder's name.")
    notifier_email: str = Field(
        "", description="Where platforms answer notices; empty: the rights holder's contact_email."
    )
    max_body_bytes: int = Field(25_000_000, gt=0, description="Largest request body of the service.")
    max_listing_images: int = Field(20, gt=0, description="Most images read of one listing; more are refused.")

    @property
    def resolved_database_url(self) -> str:
        """`database_url`, or SQLite in the home folder."""
        return self.database_url or f"sqlite:///{(self.home / 'assayer.db').resolve()}"

    @property
    def resolved_evidence_url(self) -> str:
        """`evidence_url`, or a folder in the home folder."""
        return self.evidence_url or str((self.home / "evidence").resolve())

    @property
    def index_dir(self) -> Path:
        """Where this tenant's index lies."""
        return self.home / "index" / self.tenant

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then the environment, then the TOML file."""
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls))


def load_settings(**overrides: object) -> Settings:
    """The settings in force. Raises SettingRefused naming the first that is impossible."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingRefused(f"is not TOML ({error})", file="assayer.toml", advice="See docs/settings.md.") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise SettingRefused(first["msg"], field=f"ASSAYER_{name.upper()}", advice="See docs/settings.md.") from error
