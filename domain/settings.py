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
        "Assayer/0.1", description="How crawler and fetcher introduce themselves; the contact is added to it."
    )
    contact: str = Field(
        "", description="E-mail address or URL where sites reach whoever crawls; sites of others need it."
    )
    crawl_concurrency: int = Field(16, ge=1, description="Most requests under way at once, of all sites together.")
    crawl_site_concurrency: int = Field(4, ge=1, description="Most requests under way at once to one site.")
    crawl_delay_s: float = Field(
        1.0, ge=0, description="Time between requests to one site at first; it follows how fast the site answers then."
    )
    crawl_window: str = Field(
        "", description="When sites are crawled, in UTC, such as `22:00-06:00`; empty: at all times."
    )
    crawl_sites_file: Path | None = Field(
        None, description="TOML file of what differs for single sites: window, delay_s, concurrency, browser."
    )
    crawl_retries: int = Field(3, ge=0, description="How often a request that failed in passing is made again.")
    crawl_revisit_h: float = Field(
        24.0, ge=0, description="Pages that were read within this time are passed over by `--only-new`, in hours."
    )
    crawl_cache: bool = Field(
        False,
        description="Keep answers in the home folder and use them again; for the development of page objects only.",
    )
    max_page_bytes: int = Field(10_000_000, gt=0, description="Largest page that is read, as sent and unpacked.")
    page_timeout_s: float = Field(10.0, gt=0, description="Longest time that reading one page may take.")
    page_memory_bytes: int = Field(
        2_000_000_000, gt=0, description="Most memory that a process which reads pages may take."
    )
    page_processes: int = Field(1, ge=1, description="Processes that read pages.")
    crawl_lease_s: float = Field(
        60.0, gt=1, description="A worker that says nothing for this long loses what it holds of a shared frontier."
    )
    redis_url: str = Field(
        "",
        repr=False,
        description="Redis that holds the frontier, so that many machines share a crawl; empty: in the home folder.",
    )
    browser_path: str = Field("", description="Chromium for sites that need a browser; empty: the system's.")
    ebay_client_id: str = Field("", description="Application's client id for eBay's APIs, from developer.ebay.com.")
    ebay_client_secret: str = Field("", repr=False, description="Its client secret.")
    ebay_marketplace: str = Field("EBAY_US", description="Which eBay is searched, such as `EBAY_DE`.")
    ebay_url: str = Field("https://api.ebay.com", description="Where eBay's APIs answer.")
    etsy_api_key: str = Field(
        "", repr=False, description="Keystring and shared secret for Etsy's Open API, as `keystring:secret`."
    )
    etsy_url: str = Field("https://openapi.etsy.com", description="Where Etsy's API answers.")
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
    def crawl_dir(self) -> Path:
        """Where this tenant's crawls keep what they still have to do, and their WARC files."""
        return self.home / "crawls" / self.tenant

    @property
    def identity(self) -> str:
        """The user agent with its contact, as sites see it."""
        return f"{self.user_agent} (+{self.contact})" if self.contact else self.user_agent

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
