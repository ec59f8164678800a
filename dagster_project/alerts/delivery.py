"""Hands an alert to the operator's command (JSON on stdin) and web hook (JSON by POST).

A hook that fails is told on stderr and changes nothing else. Web hooks are tried again only where the receiver cannot
have taken the alert, so that it is not told twice; commands are called once.
"""

from __future__ import annotations

import json
import logging
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import urllib3

from dagster_project.alerts.message import Alert, alert_of, without_secrets
from dagster_project.core.errors import CliffhangerError
from dagster_project.settings import Settings

TIMEOUT_SECONDS = 10.0
# The receiver was not reached, or says that it has not taken the alert.
_RETRIES = urllib3.Retry(
    total=2,
    connect=2,
    status=2,
    read=0,
    redirect=0,
    other=0,
    backoff_factor=0.5,
    status_forcelist={429, 502, 503, 504},
    allowed_methods={"POST"},
    raise_on_status=False,
    respect_retry_after_header=False,
)


class HookFailed(CliffhangerError):
    """A hook could not be called or did not take the alert; its words hold no secret."""


def tell_of(error: BaseException, settings: Settings, *, job: str, started_by: str, run_id: str | None = None) -> None:
    """Send the alert of an error that has ended a run; whatever goes wrong here is told on stderr and nowhere else."""
    try:
        alert = alert_of(
            error,
            job=job,
            started_by=started_by,
            occurred_at=settings.now(),
            data_root=str(settings.data_root),
            run_id=run_id,
        )
        send_alert(settings, alert)
    except Exception as problem:  # the error that ended the run is the one that must be seen
        _tell(f"the alert could not be made: {type(problem).__name__}")


def send_alert(settings: Settings, alert: Alert, timeout: float = TIMEOUT_SECONDS) -> list[HookFailed]:
    """Call every hook that is configured, each once, each for at most `timeout` seconds an attempt.

    Returns:
        The hooks that failed; they were told on stderr.
    """
    body = json.dumps(alert.payload(_secrets(settings)), ensure_ascii=False).encode()
    hooks: list[tuple[str, Callable[[str, bytes, Alert, float], None]]] = [
        (settings.alert_command, _call_command),
        (settings.alert_webhook, _post),
    ]
    failed = []
    for target, call in hooks:
        if not target:
            continue
        try:
            call(target, body, alert, timeout)
        except HookFailed as failure:
            _tell(without_secrets(failure.paragraph(), _secrets(settings)))
            failed.append(failure)
    return failed


def hook_problems(settings: Settings, find_program: Callable[[str], str | None]) -> list[str]:
    """What is wrong with the configured hooks as far as it shows without calling them."""
    problems = []
    if settings.alert_command:
        try:
            program = _arguments(settings.alert_command)[0]
        except HookFailed as failure:
            problems.append(failure.paragraph())
        else:
            if find_program(program) is None:
                problems.append(f"CLIFFHANGER_ALERT_COMMAND: there is no program {Path(program).name} that can be run")
    if settings.alert_webhook:
        try:
            _place(settings.alert_webhook)
        except HookFailed as failure:
            problems.append(failure.paragraph())
    return problems


def _call_command(command: str, body: bytes, alert: Alert, timeout: float) -> None:
    arguments = _arguments(command)
    name = Path(arguments[0]).name
    try:
        # A session of its own, so that what the command has started ends with it; stdout belongs to our own results.
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise _command_failed(name, error.strerror or type(error).__name__) from error
    try:
        process.communicate(body, timeout=timeout)
    except subprocess.TimeoutExpired as error:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise _command_failed(name, f"it did not end within {timeout:g} s and was killed") from error
    if process.returncode != 0:
        raise _command_failed(name, f"it ended with exit code {process.returncode}")


def _post(url: str, body: bytes, alert: Alert, timeout: float) -> None:
    place = _place(url)
    parts = urlsplit(url)
    headers = {"Content-Type": "application/json", "Idempotency-Key": alert.alert_id}
    if parts.username is not None:
        headers |= urllib3.make_headers(basic_auth=f"{unquote(parts.username)}:{unquote(parts.password or '')}")
    target = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()
    try:
        with _silenced_library(), urllib3.PoolManager() as pool:
            answer = pool.request(
                "POST", target, body=body, headers=headers, timeout=urllib3.Timeout(total=timeout), retries=_RETRIES
            )
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        cause = getattr(error, "reason", None) or error
        # Only the kind: the library's words may repeat the address, which is a secret itself.
        raise _post_failed(place, type(cause).__name__) from error
    if not 200 <= answer.status < 300:
        raise _post_failed(place, f"it answered {answer.status}")


def _arguments(command: str) -> list[str]:
    try:
        arguments = shlex.split(command)
    except ValueError as error:
        raise _command_failed("CLIFFHANGER_ALERT_COMMAND", f"it cannot be split into words: {error}") from error
    if not arguments:
        raise _command_failed("CLIFFHANGER_ALERT_COMMAND", "it names no program")
    return arguments


def _place(url: str) -> str:
    """Scheme and host: all of the address that may be shown."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _post_failed("CLIFFHANGER_ALERT_WEBHOOK", "it is not a URL") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise _post_failed("CLIFFHANGER_ALERT_WEBHOOK", "it is not an http or https URL")
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}"


def _command_failed(name: str, why: str) -> HookFailed:
    return HookFailed(
        "the alert command failed", where=name, why=why, fix="nobody was told by it; call it by hand to see why"
    )


def _post_failed(place: str, why: str) -> HookFailed:
    return HookFailed(
        "the alert web hook failed", where=place, why=why, fix="nobody was told by it; see whether it can be reached"
    )


def _secrets(settings: Settings) -> list[str]:
    """Texts that must never be shown: the hook's address, its query and its path."""
    url = settings.alert_webhook
    if not url:
        return []
    try:
        parts = urlsplit(url)
    except ValueError:
        return [url]
    return [text for text in (url, parts.path.strip("/"), parts.query, parts.password) if text]


@contextmanager
def _silenced_library() -> Iterator[None]:
    """The library logs the path of the address when it tries again."""
    logger = logging.getLogger("urllib3")
    was = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(was)


def _tell(sentence: str) -> None:
    sys.stderr.write(f"alert: {sentence}\n")
