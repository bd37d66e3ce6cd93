"""Settings of every service: environment variables `MLC_…`, nested with two underscores; one frozen object."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SecretsSettingsSource, SettingsConfigDict

SECRETS_DIR = "MLC_SECRETS_DIR"

SHORTEST_RETENTION = 400
"""Days: what happened once is refused a second time only while the stream remembers it."""


class Timings(BaseModel):
    """Every pause and patience, in seconds, so that a rehearsal can run in seconds too."""

    model_config = ConfigDict(frozen=True)

    sweep: float = Field(default=600, gt=0, description="between two sweeps for invoices no push announced")
    retry_base: float = Field(default=2, gt=0, description="first pause after a transient failure; doubles each time")
    retry_ceiling: float = Field(default=900, gt=0, description="longest pause between two tries")
    unclear_pauses: tuple[float, ...] = Field(
        default=(30, 120, 300), min_length=1, description="pauses between look-ups after an unclear answer"
    )
    delivery_pauses: tuple[float, ...] = Field(
        default=(15, 60, 300, 1800), min_length=1, description="pauses between looks whether an answer has arrived"
    )
    delivery_patience: float = Field(
        default=86_400, gt=0, description="how long after an answer its arrival is looked for"
    )
    attachment_pauses: tuple[float, ...] = Field(
        default=(60, 300, 1800, 10_800), min_length=1, description="pauses between looks for a document's attachments"
    )
    ack_wait: float = Field(default=30, gt=0, description="a message held longer without a sign of life is redelivered")
    basware_connect: float = Field(default=10, gt=0, description="patience for a connection to Basware")
    basware_read: float = Field(default=60, gt=0, description="patience for an answer from Basware")
    epicor_connect: float = Field(default=10, gt=0, description="patience for a connection to Epicor")
    epicor_read: float = Field(default=60, gt=0, description="patience for the answer to a read")
    epicor_write: float = Field(default=120, gt=0, description="patience for the answer to a write")
    token_life_used: float = Field(
        default=0.8, gt=0, le=1, description="share of a token's life after which it is renewed"
    )
    refresh: float = Field(default=5, gt=0, description="between two looks for changed connections and credentials")
    reference_cache: float = Field(
        default=60, ge=0, description="how long vendors and accounts read from Epicor are believed"
    )
    publish: float = Field(default=5, gt=0, description="patience for the stream's acknowledgement")
    push_body: float = Field(default=30, gt=0, description="patience for the body of a push")
    breaker: float = Field(default=15, gt=0, description="pause of a connection whose far side keeps failing")
    masterdata: float = Field(default=5, gt=0, description="between two looks which master data is due to be read")
    anchor: float = Field(default=60, gt=0, description="between two looks at what the hash chains have to take up")
    graceful: float = Field(
        default=130, gt=0, description="patience for work in hand when stopping; longer than a write to Epicor may take"
    )


class Settings(BaseSettings):
    """What a service needs to start; the same names everywhere, only addresses differ."""

    model_config = SettingsConfigDict(
        env_prefix="MLC_", env_nested_delimiter="__", frozen=True, extra="ignore", secrets_dir=None
    )

    nats_url: str = Field(default="nats://127.0.0.1:4222", description="address of NATS; several, separated by commas")
    nats_user: str | None = Field(default=None, description="user at NATS")
    nats_password: SecretStr | None = Field(default=None, description="that user's password")
    nats_credentials_file: Path | None = Field(
        default=None, description="a credentials file instead of user and password; needs the package `nkeys`"
    )
    nats_ca_file: Path | None = Field(
        default=None, description="certificates (PEM) that NATS is trusted by; connections then use TLS only"
    )
    nats_inbox_prefix: str = Field(
        default="_INBOX",
        pattern=r"^[A-Za-z0-9_-]+$",
        description="first token of the subjects answers come back on; a user of NATS may be held to one of its own",
    )
    stream_replicas: int = Field(
        default=1, ge=1, le=5, description="copies of every stream; three survive a lost server"
    )
    stream_max_age_days: int = Field(
        default=0, ge=0, description="days after which streams forget messages, 400 at least; 0 is never"
    )
    attachments_kept_days: float = Field(
        default=0, ge=0, le=36_500, description="days that stored attachments are kept; 0 for ever"
    )
    database_url: SecretStr = Field(
        default=SecretStr("postgresql+asyncpg://127.0.0.1/ml_connector"), description="address of PostgreSQL"
    )
    master_keys: SecretStr | None = Field(default=None, description="id:base64 lines, the sealing one first")
    master_keys_file: Path | None = Field(default=None, description="a file with the same lines")
    host: str = Field(
        default="127.0.0.1", description="address to listen on for health and metrics; in a container 0.0.0.0"
    )
    port: int = Field(
        default=0, ge=0, le=65_535, description="port of health, readiness and metrics, for operators only; 0 picks one"
    )
    port_file: Path | None = Field(default=None, description="that port is written here once it is in use")
    public_host: str = Field(
        default="127.0.0.1", description="address the gateway's hook listens on; in a container 0.0.0.0"
    )
    public_port: int = Field(
        default=0, ge=0, le=65_535, description="port of the gateway's hook, the only one for outside; 0 picks one"
    )
    public_port_file: Path | None = Field(default=None, description="that port is written here once it is in use")
    log_level: str = Field(default="info", description="debug, info, warning or error")
    otlp_endpoint: str | None = Field(default=None, description="OTLP over HTTP, for example http://127.0.0.1:4318")
    otlp_metrics: bool = Field(
        default=True,
        description="whether metrics go there too; false where /metrics is read as well, or every sum counts twice",
    )
    workers: int = Field(
        default=4,
        ge=1,
        le=64,
        description="messages one replica works on at once, per durable; posting takes epicor.calls_in_flight instead",
    )
    secrets_dir: Path | None = Field(
        default=None,
        description="a folder of files, each named as a variable and holding its value; the environment goes first",
    )
    timings: Timings = Timings()

    @field_validator("nats_credentials_file")
    @classmethod
    def _can_be_read(cls, file: Path | None) -> Path | None:
        if file and find_spec("nkeys") is None:
            raise ValueError(
                "a credentials file needs the package `nkeys`, which is not installed: install it beside ml-connector, "
                "or give MLC_NATS_USER and MLC_NATS_PASSWORD instead"
            )
        return file

    @field_validator("stream_max_age_days")
    @classmethod
    def _longer_than_a_year(cls, days: int) -> int:
        if 0 < days < SHORTEST_RETENTION:
            raise ValueError(f"0, or {SHORTEST_RETENTION} days at least: an invoice must outlive its financial year")
        return days

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - there is no such file
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - it knows no folder yet
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the files of a mounted secret."""
        folder = os.environ.get(SECRETS_DIR)
        return init_settings, env_settings, SecretsSettingsSource(settings_cls, secrets_dir=folder)
