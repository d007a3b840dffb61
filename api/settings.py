"""The settings: few, by flag or environment, each with a default that is safe."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import msgspec

from api.logs import FORMATS, LEVELS
from api.oidc_settings import OidcSettings, read_oidc
from domain.changes.change import HazardKind
from domain.webhook.addresses import allowance

DATA_DIR = "SCHEMALEDGER_DATA_DIR"
HOST = "SCHEMALEDGER_HOST"
PORT = "SCHEMALEDGER_PORT"
DATABASE_URL = "DATABASE_URL"
STORAGE_OPTIONS = "SCHEMALEDGER_STORAGE_OPTIONS"
TABLE_ROOTS = "SCHEMALEDGER_TABLE_ROOTS"
API_PROCESSES = "SCHEMALEDGER_API_PROCESSES"
WORKER_PROCESSES = "SCHEMALEDGER_WORKER_PROCESSES"
WORKER_THREADS = "SCHEMALEDGER_WORKER_THREADS"
WORKER_MEMORY = "SCHEMALEDGER_WORKER_MEMORY"
EXECUTOR = "SCHEMALEDGER_EXECUTOR"
RAY_ADDRESS = "RAY_ADDRESS"
LEASE_SECONDS = "SCHEMALEDGER_LEASE_SECONDS"
KEEP_OPERATIONS_DAYS = "SCHEMALEDGER_KEEP_OPERATIONS_DAYS"
WORKER_METRICS_PORT = "SCHEMALEDGER_WORKER_METRICS_PORT"
APPROVAL_HAZARDS = "SCHEMALEDGER_APPROVAL_HAZARDS"
APPROVAL_HOURS = "SCHEMALEDGER_APPROVAL_HOURS"
OTLP_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
OTEL_SDK_DISABLED = "OTEL_SDK_DISABLED"
SEAL_KEY = "SCHEMALEDGER_SEAL_KEY"
SEAL_COPY = "SCHEMALEDGER_SEAL_COPY"
RATE_LIMIT = "SCHEMALEDGER_RATE_LIMIT"
REQUEST_SECONDS = "SCHEMALEDGER_REQUEST_SECONDS"
WEBHOOK_ALLOW = "SCHEMALEDGER_WEBHOOK_ALLOW"
TRUSTED_PROXIES = "SCHEMALEDGER_TRUSTED_PROXIES"
DRIFT_HOURS = "SCHEMALEDGER_DRIFT_HOURS"
LOG_FORMAT = "SCHEMALEDGER_LOG_FORMAT"
LOG_LEVEL = "SCHEMALEDGER_LOG_LEVEL"

EXECUTORS = ("local", "ray")
LEAST_MEMORY = 256 << 20
"""What one unit over the largest fragment was seen to stay under (benchmarks/memory.py)."""
BYTES = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}


@dataclass(frozen=True)
class Settings:
    """``database_url`` None: a PostgreSQL of our own in the data folder. ``table_roots``: where tables may lie."""

    data_dir: Path
    host: str
    port: int
    database_url: str | None
    table_roots: tuple[Path, ...]
    api_processes: int
    worker_processes: int
    worker_metrics_port: int | None = None
    """Where a worker on its own answers with its metrics; None: nowhere. Those of ``serve`` count together."""
    worker_threads: int = 0
    """How many units a worker prepares at once; 0: one for each core."""
    worker_memory: int | None = None
    """Bytes that the units of one worker may hold at once; None: half of what the machine has for each worker."""
    executor: str = "local"
    """Where units are prepared: by threads of the worker, or as tasks of a Ray cluster."""
    ray_address: str | None = None
    """Of the cluster; None: one of the worker's own."""
    lease_seconds: int = 15
    """How long a worker that is not heard of keeps its operation."""
    keep_operations_days: int | None = None
    """How long operations that have ended are listed; None: for ever. The log keeps them in any case."""
    approval_hazards: tuple[str, ...] = ()
    """The kinds of hazards that need approval in datasets without a policy of their own."""
    approval_hours: int = 168
    """How long a migration waits for approval before it is rejected by itself."""
    object_roots: tuple[str, ...] = ()
    """Prefixes of object stores under which tables may lie, like ``s3://bucket/prefix``."""
    storage_options: Mapping[str, str] = field(default_factory=dict, repr=False)
    """How object stores are reached: endpoint, region, credentials; the standard variables stand for what is not."""
    seal_key: Path | None = None
    """The file of the key that signs checkpoints; None: in the data folder."""
    seal_copy: Path | None = None
    """The file that every checkpoint is added to; None: in the data folder, where it proves little."""
    oidc: OidcSettings | None = None
    """The identity provider whose tokens are taken beside our own; None: there is none."""
    rate_limit: int = 12_000
    """Calls a minute that one API process serves to one caller; 0: as many as come."""
    request_seconds: int = 30
    """How long a request may take to arrive: its head, and then its body."""
    webhook_allow: tuple[str, ...] = ()
    """Hosts, addresses and networks that webhooks may lead to beside the public internet, and without TLS."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks of proxies whose word on where a request came from is believed."""
    drift_hours: int = 1
    """How often all tables are compared with the log; 0: never by itself."""
    traces: bool = False
    """Whether there is a collector to tell spans to; OpenTelemetry's own variables say the rest."""
    log_format: str = "auto"
    log_level: str = "info"

    @property
    def metrics_dir(self) -> Path:
        """Where the processes of one ``serve`` count together."""
        return self.data_dir / "metrics"

    @property
    def token_file(self) -> Path:
        return self.data_dir / "token"

    @property
    def seal_key_file(self) -> Path:
        return self.seal_key or self.data_dir / "seal" / "key"

    @property
    def seal_copy_file(self) -> Path:
        return self.seal_copy or self.data_dir / "seal" / "checkpoints"

    @property
    def keep_operations(self) -> timedelta | None:
        return None if self.keep_operations_days is None else timedelta(days=self.keep_operations_days)

    @property
    def approve_within(self) -> timedelta:
        return timedelta(hours=self.approval_hours)

    @property
    def drift_every(self) -> timedelta | None:
        return timedelta(hours=self.drift_hours) if self.drift_hours else None

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def environment(self) -> dict[str, str]:
        """What a child process needs to read the same settings."""
        variables = {
            DATA_DIR: str(self.data_dir),
            HOST: self.host,
            PORT: str(self.port),
            TABLE_ROOTS: ",".join((*map(str, self.table_roots), *self.object_roots)),
            STORAGE_OPTIONS: json.dumps(dict(self.storage_options)),
            API_PROCESSES: str(self.api_processes),
            WORKER_PROCESSES: str(self.worker_processes),
            WORKER_THREADS: str(self.worker_threads),
            WORKER_MEMORY: "" if self.worker_memory is None else str(self.worker_memory),
            EXECUTOR: self.executor,
            LEASE_SECONDS: str(self.lease_seconds),
            APPROVAL_HAZARDS: ",".join(self.approval_hazards),
            APPROVAL_HOURS: str(self.approval_hours),
            RATE_LIMIT: str(self.rate_limit),
            REQUEST_SECONDS: str(self.request_seconds),
            WEBHOOK_ALLOW: ",".join(self.webhook_allow),
            TRUSTED_PROXIES: ",".join(self.trusted_proxies),
            DRIFT_HOURS: str(self.drift_hours),
            LOG_FORMAT: self.log_format,
            LOG_LEVEL: self.log_level,
        }
        if self.oidc is not None:
            variables |= self.oidc.environment()
        if self.seal_key is not None:
            variables[SEAL_KEY] = str(self.seal_key)
        if self.seal_copy is not None:
            variables[SEAL_COPY] = str(self.seal_copy)
        if self.ray_address is not None:
            variables[RAY_ADDRESS] = self.ray_address
        if self.keep_operations_days is not None:
            variables[KEEP_OPERATIONS_DAYS] = str(self.keep_operations_days)
        return variables if self.database_url is None else {**variables, DATABASE_URL: self.database_url}


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Raises ValueError, naming the variable, for a value that cannot be meant."""
    data_dir = Path(environment.get(DATA_DIR) or ".schemaledger").expanduser().absolute()
    named = [root.strip() for root in environment.get(TABLE_ROOTS, "").split(",") if root.strip()]
    roots = [Path(root).expanduser().absolute() for root in named if "://" not in root]
    return Settings(
        data_dir=data_dir,
        host=environment.get(HOST) or "127.0.0.1",
        port=_number(environment, PORT, 8080, 0, 65_535),
        database_url=environment.get(DATABASE_URL) or None,
        table_roots=tuple(roots) if named else (data_dir / "tables",),
        object_roots=tuple(root.rstrip("/") for root in named if "://" in root),
        storage_options=_options(environment),
        api_processes=_number(environment, API_PROCESSES, 1, 1, 64),
        worker_processes=_number(environment, WORKER_PROCESSES, 1, 0, 64),
        worker_threads=_number(environment, WORKER_THREADS, 0, 0, 1_024),
        worker_memory=_bytes(environment, WORKER_MEMORY),
        executor=_choice(environment, EXECUTOR, EXECUTORS, "local"),
        ray_address=environment.get(RAY_ADDRESS) or None,
        lease_seconds=_number(environment, LEASE_SECONDS, 15, 2, 3_600),
        keep_operations_days=_number(environment, KEEP_OPERATIONS_DAYS, 0, 0, 36_500) or None,
        approval_hazards=_hazards(environment),
        approval_hours=_number(environment, APPROVAL_HOURS, 168, 1, 87_600),
        webhook_allow=_allowed(environment),
        trusted_proxies=_proxies(environment),
        drift_hours=_number(environment, DRIFT_HOURS, 1, 0, 8_760),
        worker_metrics_port=_number(environment, WORKER_METRICS_PORT, 0, 0, 65_535) or None,
        seal_key=_path(environment, SEAL_KEY),
        seal_copy=_path(environment, SEAL_COPY),
        oidc=read_oidc(environment),
        rate_limit=_number(environment, RATE_LIMIT, 12_000, 0, 10_000_000),
        request_seconds=_number(environment, REQUEST_SECONDS, 30, 1, 3_600),
        traces=any(environment.get(name) for name in OTLP_ENDPOINTS)
        and environment.get(OTEL_SDK_DISABLED, "").lower() != "true",
        log_format=_choice(environment, LOG_FORMAT, FORMATS, "auto"),
        log_level=_choice(environment, LOG_LEVEL, LEVELS, "info"),
    )


def _path(environment: Mapping[str, str], name: str) -> Path | None:
    return Path(text).expanduser().absolute() if (text := environment.get(name)) else None


def _choice(environment: Mapping[str, str], name: str, choices: tuple[str, ...], default: str) -> str:
    text = (environment.get(name) or default).lower()
    if text not in choices:
        raise ValueError(f"{name} is '{text}'; one of {', '.join(choices)} is expected.")
    return text


def _hazards(environment: Mapping[str, str]) -> tuple[str, ...]:
    named = {kind.strip() for kind in environment.get(APPROVAL_HAZARDS, "").split(",") if kind.strip()}
    if unknown := named.difference(HazardKind):
        raise ValueError(f"{APPROVAL_HAZARDS} names '{min(unknown)}'; hazards are {', '.join(HazardKind)}.")
    return tuple(sorted(named))


def _allowed(environment: Mapping[str, str]) -> tuple[str, ...]:
    entries = tuple(entry.strip() for entry in environment.get(WEBHOOK_ALLOW, "").split(",") if entry.strip())
    try:
        allowance(entries)
    except ValueError as error:
        raise ValueError(f"{WEBHOOK_ALLOW}: {error}.") from None
    return entries


def _proxies(environment: Mapping[str, str]) -> tuple[str, ...]:
    entries = tuple(entry.strip() for entry in environment.get(TRUSTED_PROXIES, "").split(",") if entry.strip())
    for entry in entries:
        try:
            ip_network(entry)
        except ValueError:
            raise ValueError(
                f"{TRUSTED_PROXIES} names '{entry}', which is neither an address nor a network like 10.1.0.0/16."
            ) from None
    return entries


def _options(environment: Mapping[str, str]) -> dict[str, str]:
    try:
        return msgspec.json.decode(environment.get(STORAGE_OPTIONS) or "{}", type=dict[str, str])
    except msgspec.DecodeError:
        # Not shown: it may hold a secret.
        raise ValueError(f"{STORAGE_OPTIONS} is no JSON object of texts.") from None


def _bytes(environment: Mapping[str, str], name: str) -> int | None:
    text = (environment.get(name) or "").strip()
    if not text:
        return None
    found = re.fullmatch(r"(\d+) ?(B|KB|MB|GB|TB)?", text.upper())
    if found is None or int(found[1]) == 0:
        raise ValueError(f"{name} is '{text}'; a number of bytes like 512MB or 4GB is expected.")
    if (size := int(found[1]) * BYTES[found[2] or "B"]) < LEAST_MEMORY:
        raise ValueError(f"{name} is '{text}'; at least 256MB are needed: a unit holds as much, however few its rows.")
    return size


def _number(environment: Mapping[str, str], name: str, default: int, lowest: int, highest: int) -> int:
    text = environment.get(name) or str(default)
    try:
        number = int(text)
    except ValueError:
        number = lowest - 1
    if not lowest <= number <= highest:
        raise ValueError(f"{name} is '{text}'; a number from {lowest} to {highest} is expected.")
    return number
