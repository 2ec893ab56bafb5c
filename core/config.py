"""Settings of every process, read once at the edges and handed inwards."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Language = Literal["es", "en"]


class Settings(BaseSettings):
    """Everything that can be set, from the environment or `.env`, with the prefix `ULOS_`.

    `docs/operations.md` explains each one; a test holds the two lists together.
    """

    model_config = SettingsConfigDict(env_prefix="ULOS_", env_file=".env", extra="ignore")

    database_url: SecretStr = Field(SecretStr(""), description="Postgres; empty: the embedded one")
    ftp_url: SecretStr = Field(SecretStr(""), description="ftp://user:pass@host:port/base; empty: embedded")
    amqp_url: SecretStr = Field(SecretStr(""), description="RabbitMQ; empty: the queue in Postgres")
    amqp_declare: bool = Field(True, description="Declare exchange, queues and bindings that are missing")
    max_under_way_per_student: int = Field(
        10, ge=0, description="Submissions of one student that the nodes have at once; 0: no limit"
    )
    max_under_way_per_assignment: int = Field(
        0, ge=0, description="Submissions of one assignment that the nodes have at once; 0: no limit"
    )
    max_attempts: int = Field(
        20, ge=1, description="Attempts of one submission; after them it cannot be requeued"
    )
    max_crashes: int = Field(
        10,
        ge=2,
        description="Times that an attempt is handed out again until it counts as endless",
    )
    requeue_pause_seconds: int = Field(
        300, ge=0, description="Wait before a second requeue by itself; doubles with each further one"
    )
    requeues_per_second: float = Field(
        10.0, ge=0, description="Submissions that a re-run of many requeues in a second; 0: no limit"
    )
    report_batch: int = Field(
        1000, ge=1, le=10_000, description="Reports applied in one transaction, at most"
    )
    report_prefetch: int = Field(
        2000, ge=1, le=65_535, description="Reports that RabbitMQ hands over before it waits for us"
    )
    runner: bool | None = Field(None, description="Run the local runner; default: only when embedded")
    runner_sandbox: Literal["auto", "off"] = Field("auto", description="off: never look for a sandbox")
    runner_allow_without: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Parts of the sandbox that may be missing: seccomp, disable-userns (commas)",
    )
    runner_workers: int = Field(2, ge=1, le=64, description="Stages that the local runner runs at once")
    host: str = Field("127.0.0.1", description="Address that dashboard and API listen on")
    api_port: int = Field(8000, ge=1, le=65535, description="Port of the companion endpoint")
    dashboard_port: int = Field(8501, ge=1, le=65535, description="Port of the dashboard")
    data_dir: Path = Field(Path("var"), description="Where the embedded components keep their data")
    secret_key: SecretStr = Field(SecretStr(""), description="Signs receipts; empty: made on first start")
    old_secret_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="Earlier secret keys whose receipts still hold, separated by commas"
    )
    callback_token: SecretStr = Field(
        SecretStr(""), description="Bearer token of the orchestrator; empty: made on first start"
    )
    allowed_email_domains: Annotated[tuple[str, ...], NoDecode] = Field(
        ("uniandes.edu.co",), description="Domains that may register, separated by commas"
    )
    open_registration: bool | None = Field(
        None,
        description="Let people register where no mail is sent; default: only with the demo",
    )
    max_upload_mb: int = Field(200, ge=1, description="Largest submission or image, in MB (10^6 bytes)")
    spill_mb: int = Field(
        2000, ge=0, description="Most of the submissions kept in Postgres while FTP is down, in MB; 0: none"
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        ("http://localhost:3000",), description="Web pages that may call the API, separated by commas"
    )
    cookie_secure: bool = Field(False, description="Send the session cookie over HTTPS only")
    hsts_seconds: int = Field(
        0, ge=0, description="How long browsers use HTTPS only (Strict-Transport-Security); 0: not asked for"
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        ("127.0.0.1",), description="Addresses of proxies whose X-Forwarded headers count, by commas; *: all"
    )
    smtp_url: SecretStr = Field(
        SecretStr(""), description="smtp://user:pass@host:port or smtps://… for mails; empty: none are sent"
    )
    mail_from: str = Field("", description="Sender of mails; empty: no-reply at the public address's host")
    webhooks_to_private_addresses: bool = Field(
        False, description="Let alerts go to webhooks in private networks and over plain HTTP, too"
    )
    public_url: str = Field(
        "", description="Address at which people open the dashboard; empty: made of host and port"
    )
    timezone: str = Field("America/Bogota", description="Zone of courses that name none")
    language: Language = Field("es", description="Language of people who chose none")
    demo: bool | None = Field(None, description="Create the demo on first start; default: only when embedded")
    postgres_bin: Path | None = Field(
        None, description="Folder of the Postgres programs; empty: from the wheel"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least level that is logged"
    )

    log_format: Literal["text", "json"] = Field("text", description="How log lines are written")

    @field_validator(
        "allowed_email_domains", "cors_origins", "trusted_proxies", "runner_allow_without", mode="before"
    )
    @classmethod
    def _split_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())
        return value

    @field_validator("old_secret_keys", mode="before")
    @classmethod
    def _split_keys(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("public_url")
    @classmethod
    def _root_of_a_host(cls, value: str) -> str:
        address = urlsplit(value.rstrip("/"))
        if value and not (address.scheme in {"http", "https"} and address.netloc):
            raise ValueError("write it as https://host or http://host:port")
        if address.path or address.query or address.fragment:
            raise ValueError(
                f"the dashboard does not work under a path such as {address.path or '/'}: "
                "give it a host name of its own, as in https://ulos.example"
            )
        return value.rstrip("/")

    @field_validator("smtp_url")
    @classmethod
    def _known_mail_server(cls, value: SecretStr) -> SecretStr:
        address = urlsplit(value.get_secret_value())
        if value.get_secret_value() and not (address.scheme in {"smtp", "smtps"} and address.hostname):
            raise ValueError("write it as smtp://user:password@host:port or smtps://…")
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        ZoneInfo(value)
        return value

    @field_validator("runner", "demo", "open_registration", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    @property
    def embedded_database(self) -> bool:
        """Whether Postgres is ours, under `data_dir`."""
        return not self.database_url.get_secret_value()

    @property
    def embedded_ftp(self) -> bool:
        """Whether the FTP server is ours, under `data_dir`."""
        return not self.ftp_url.get_secret_value()

    @property
    def uses_rabbitmq(self) -> bool:
        """Whether RabbitMQ carries the messages rather than the embedded queue."""
        return bool(self.amqp_url.get_secret_value())

    @property
    def runs_runner(self) -> bool:
        """Whether `make up` starts the local runner: by default only with the embedded components."""
        embedded = self.embedded_database and self.embedded_ftp and not self.uses_rabbitmq
        return embedded if self.runner is None else self.runner

    @property
    def seeds_demo(self) -> bool:
        """Whether the demo is created on first start (never by default on somebody's own database)."""
        return self.embedded_database if self.demo is None else self.demo

    @property
    def sends_mail(self) -> bool:
        """Whether there is a mail server to hand mails to."""
        return bool(self.smtp_url.get_secret_value())

    @property
    def registers_without_mail(self) -> bool:
        """Whether registration makes an account, unconfirmed, where no mail is sent."""
        return self.seeds_demo if self.open_registration is None else self.open_registration

    @property
    def dashboard_url(self) -> str:
        """Where people open the dashboard, without a slash at the end; links in mails begin with it."""
        return self.public_url or f"http://{self.host}:{self.dashboard_port}"

    @property
    def max_upload_bytes(self) -> int:
        """The size limit of one upload, in bytes."""
        return self.max_upload_mb * 1_000_000


def read_settings() -> Settings:
    """Return the settings of this process, or end it with one line for each that cannot be used.

    Values are not shown: some are secrets.
    """
    try:
        return Settings()
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        sys.exit("\n".join(f"ULOS_{_name(entry['loc'])}: {_reason(entry['msg'])}" for entry in found))


def _name(location: tuple[int | str, ...]) -> str:
    return "_".join(str(part) for part in location).upper()


def _reason(message: str) -> str:
    return message.removeprefix("Value error, ")
