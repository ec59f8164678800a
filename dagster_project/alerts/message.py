"""What an alert says."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from dagster_project.core.errors import BlockedByChecks, CliffhangerError

_USER_IN_URL = re.compile(r"(?<=://)[^/\s@'\"]+@")
_SECRET_IN_QUERY = re.compile(r"(?i)([?&][\w.-]*(?:token|key|secret|passw|sig|auth|credential)[\w.-]*=)[^&\s'\"]+")
_SECRET_IN_HEADER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}")
_SHORTEST_SECRET = 8


class Event(StrEnum):
    """What has happened to a run."""

    BLOCKED = "run_blocked"
    FAILED = "run_failed"


@dataclass(frozen=True)
class Alert:
    """One run that was blocked or has failed.

    Attributes:
        job: Name of the job.
        started_by: `command` or `dagster`.
        run_id: Dagster's id of the run, or None when it did not come so far.
        exit_code: What the command ends with, or None for a run of Dagster.
        what, where, why, fix: As in the errors of this project.
        alert_id: The same for every attempt to deliver this alert, so that a receiver can tell repetitions.
    """

    event: Event
    job: str
    started_by: str
    occurred_at: datetime
    data_root: str
    what: str
    where: str = ""
    why: str = ""
    fix: str = ""
    run_id: str | None = None
    exit_code: int | None = None
    alert_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def payload(self, secrets: Sequence[str] = ()) -> dict[str, Any]:
        """The alert as a JSON object without secrets; `text` says it all in one paragraph, as chat services read it."""
        paragraph = CliffhangerError(self.what, where=self.where, why=self.why, fix=self.fix).paragraph()
        verb = "was blocked" if self.event is Event.BLOCKED else "has failed"
        values = {
            **asdict(self),
            "occurred_at": self.occurred_at.isoformat(),
            "text": f"Cliffhanger: the {self.job} run {verb}. {paragraph}",
        }
        return {
            name: without_secrets(value, secrets) if isinstance(value, str) else value for name, value in values.items()
        }


def alert_of(
    error: BaseException,
    *,
    job: str,
    started_by: str,
    occurred_at: datetime,
    data_root: str,
    run_id: str | None = None,
) -> Alert:
    """What is told of an error that has ended a run."""
    if not isinstance(error, CliffhangerError):
        text = " ".join(str(error).split())
        error = CliffhangerError(
            "an error that was not foreseen", why=f"{type(error).__name__}: {text}", fix="look at the run's log"
        )
    return Alert(
        event=Event.BLOCKED if isinstance(error, BlockedByChecks) else Event.FAILED,
        job=job,
        started_by=started_by,
        occurred_at=occurred_at,
        data_root=data_root,
        what=error.what,
        where=error.where,
        why=error.why,
        fix=error.fix,
        run_id=run_id,
        exit_code=error.exit_code if started_by == "command" else None,
    )


def without_secrets(text: str, secrets: Sequence[str] = ()) -> str:
    """The text without these secrets, user names and passwords in URLs, tokens in queries and headers."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "***")
    text = _USER_IN_URL.sub("***@", text)
    text = _SECRET_IN_QUERY.sub(r"\1***", text)
    return _SECRET_IN_HEADER.sub(r"\1 ***", text)
