"""Frozen settings; the only reader of environment variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from dagster_project.core.errors import UsageError

PROJECT_ROOT = Path(__file__).resolve().parent.parent
DBT_DIR = PROJECT_ROOT / "dbt"


@dataclass(frozen=True)
class Settings:
    """What a run needs to know of its surroundings.

    Attributes:
        data_root: Absolute path of the data root.
        fixed_now: The clock of a reproducible run (UTC), or None for the machine's clock.
        alert_command: Command line that is told of a run that fails; empty for none. May hold secrets.
        alert_webhook: URL that is told of a run that fails; empty for none. It is a secret itself.
        pseudonym_key_file: The file with the key for pseudonyms, or None for the data root's own.
    """

    data_root: Path
    fixed_now: datetime | None = None
    alert_command: str = field(default="", repr=False)
    alert_webhook: str = field(default="", repr=False)
    pseudonym_key_file: Path | None = None

    def now(self) -> datetime:
        """The current time in UTC: `CLIFFHANGER_NOW` when it is set."""
        return self.fixed_now or datetime.now(UTC)


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment.

    Raises:
        UsageError: `CLIFFHANGER_NOW` is not an ISO-8601 time with an offset.
    """
    source = os.environ if environment is None else environment
    root = Path(source.get("CLIFFHANGER_DATA") or PROJECT_ROOT / "data").expanduser().resolve()
    key_file = source.get("CLIFFHANGER_PSEUDONYM_KEY_FILE", "").strip()
    return Settings(
        data_root=root,
        fixed_now=_fixed_now(source.get("CLIFFHANGER_NOW", "")),
        alert_command=source.get("CLIFFHANGER_ALERT_COMMAND", "").strip(),
        alert_webhook=source.get("CLIFFHANGER_ALERT_WEBHOOK", "").strip(),
        pseudonym_key_file=Path(key_file).expanduser().absolute() if key_file else None,
    )


def _fixed_now(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UsageError(
            f"CLIFFHANGER_NOW={text!r} is not a time",
            why="it fixes the clock, so it must be ISO-8601 with an offset",
            fix="set it to, for example, 2026-05-20T00:00:00Z, or unset it",
        )
    return moment.astimezone(UTC)


def subprocess_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment for a child process: this one's plus `extra`."""
    return {**os.environ, **extra}


def export_environment(extra: Mapping[str, str]) -> None:
    """Set variables that libraries of this process read (DAGSTER_HOME and the like)."""
    os.environ.update(extra)
