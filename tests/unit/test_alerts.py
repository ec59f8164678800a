"""Alerts: one call with one JSON object, no secret anywhere, and a hook that fails changes nothing."""

from __future__ import annotations

import json
import logging
import shlex
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dagster_project.alerts import Alert, Event, alert_of, hook_problems, send_alert, tell_of, without_secrets
from dagster_project.alerts import delivery as delivery_module
from dagster_project.cli import job as job_module
from dagster_project.core.errors import BlockedByChecks, UsageError, WarehouseError
from dagster_project.settings import Settings, load_settings

NOW = datetime(2026, 5, 20, 3, tzinfo=UTC)
ERROR = BlockedByChecks("a delivery failed", where="landing/views", why="5% of its rows", fix="mend it")
KEEP_STDIN = "import pathlib, sys; pathlib.Path(sys.argv[1]).open('a').write(sys.stdin.read() + chr(10))"


@dataclass
class Receiver:
    """A web hook on the loopback address: answers these codes in turn (the last for ever), keeps what it was sent."""

    answers: list[int]
    port: int = 0
    delay: float = 0.0
    received: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)

    def url(self, path: str = "/services/T012/B345/s3cr3tt0ken", login: str = "") -> str:
        return f"http://{login}127.0.0.1:{self.port}{path}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    kept = Receiver([204])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            kept.received.append((self.path, dict(self.headers), body))
            time.sleep(kept.delay)
            self.send_response(kept.answers.pop(0) if len(kept.answers) > 1 else kept.answers[0])
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield kept
        server.shutdown()


def python_command(*arguments: object) -> str:
    return shlex.join([sys.executable, "-c", *map(str, arguments)])


def an_alert(error: BaseException = ERROR) -> Alert:
    return alert_of(error, job="nightly", started_by="command", occurred_at=NOW, data_root="/srv/dramas")


def test_the_command_is_called_once_with_the_alert_on_stdin(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "kept"
    settings = Settings(tmp_path, NOW, alert_command=python_command(KEEP_STDIN, kept))
    assert send_alert(settings, an_alert()) == []
    (line,) = kept.read_text(encoding="utf-8").splitlines()
    payload = json.loads(line)
    assert {name: payload[name] for name in ("event", "job", "started_by", "exit_code", "occurred_at", "where")} == {
        "event": "run_blocked",
        "job": "nightly",
        "started_by": "command",
        "exit_code": 3,
        "occurred_at": "2026-05-20T03:00:00+00:00",
        "where": "landing/views",
    }
    assert "was blocked. landing/views: a delivery failed. 5% of its rows. mend it." in payload["text"]
    assert capfd.readouterr() == ("", "")


def test_what_the_command_prints_stays_out_of_our_results(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    noisy = "import sys; print('noise'); sys.stderr.write('token=abc')"
    assert send_alert(Settings(tmp_path, NOW, alert_command=python_command(noisy)), an_alert()) == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (python_command("raise SystemExit(7)", "--token=abcdefgh1"), "exit code 7"),
        ("/no/such/program --token=abcdefgh1", "No such file"),
        ("unbalanced 'quote --token=abcdefgh1", "cannot be split"),
    ],
)
def test_a_command_that_fails_is_told_without_its_arguments(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], command: str, words: str
) -> None:
    failed = send_alert(Settings(tmp_path, NOW, alert_command=command), an_alert())
    assert len(failed) == 1
    told = capfd.readouterr()
    assert words in told.err
    assert "abcdefgh1" not in told.err
    assert told.out == ""


def test_a_command_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    sign = tmp_path / "sign of life"
    child = f"import time, pathlib; time.sleep(1.5); pathlib.Path({str(sign)!r}).touch()"
    hanging = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    begun = time.monotonic()
    (failure,) = send_alert(Settings(tmp_path, NOW, alert_command=python_command(hanging)), an_alert(), timeout=0.5)
    assert time.monotonic() - begun < 1.4
    assert "0.5 s" in failure.why
    time.sleep(2.0)
    assert not sign.exists()


def test_the_web_hook_receives_the_alert_once(tmp_path: Path, receiver: Receiver) -> None:
    alert = an_alert()
    assert send_alert(Settings(tmp_path, NOW, alert_webhook=receiver.url()), alert) == []
    ((path, headers, body),) = receiver.received
    assert path == "/services/T012/B345/s3cr3tt0ken"
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == body["alert_id"] == alert.alert_id
    assert body["event"] == "run_blocked"


def test_both_hooks_are_called_though_one_fails(tmp_path: Path, receiver: Receiver) -> None:
    settings = Settings(tmp_path, NOW, alert_command="/no/such/program", alert_webhook=receiver.url())
    assert len(send_alert(settings, an_alert())) == 1
    assert len(receiver.received) == 1


def test_login_in_the_url_becomes_a_header(tmp_path: Path, receiver: Receiver) -> None:
    url = receiver.url("/hook", login="operator:pa55%77ord@")
    assert send_alert(Settings(tmp_path, NOW, alert_webhook=url), an_alert()) == []
    ((path, headers, _),) = receiver.received
    assert path == "/hook"
    assert {name.lower(): value for name, value in headers.items()}["authorization"] == (
        "Basic b3BlcmF0b3I6cGE1NXdvcmQ="
    )


def test_a_receiver_that_is_busy_is_asked_again(
    tmp_path: Path, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answers = [503, 204]
    with caplog.at_level(logging.DEBUG):
        assert send_alert(Settings(tmp_path, NOW, alert_webhook=receiver.url()), an_alert()) == []
    assert [body["alert_id"] for _, _, body in receiver.received] == [receiver.received[0][2]["alert_id"]] * 2
    assert "s3cr3tt0ken" not in caplog.text


def test_a_receiver_that_may_have_taken_it_is_not_asked_again(tmp_path: Path, receiver: Receiver) -> None:
    receiver.delay = 1.0
    (failure,) = send_alert(Settings(tmp_path, NOW, alert_webhook=receiver.url()), an_alert(), timeout=0.3)
    assert "ReadTimeout" in failure.why
    assert len(receiver.received) == 1


@pytest.mark.parametrize(("answer", "calls"), [(404, 1), (302, 1), (500, 1), (503, 3)])
def test_a_refusal_is_told_without_the_address(
    tmp_path: Path, receiver: Receiver, capfd: pytest.CaptureFixture[str], answer: int, calls: int
) -> None:
    receiver.answers = [answer]
    url = receiver.url("/services/s3cr3tt0ken?key=another5ecret", login="operator:pa55word@")
    assert len(send_alert(Settings(tmp_path, NOW, alert_webhook=url), an_alert())) == 1
    assert len(receiver.received) == calls
    told = capfd.readouterr().err
    assert f"127.0.0.1:{receiver.port}" in told
    assert str(answer) in told
    assert not any(secret in told for secret in ("s3cr3tt0ken", "another5ecret", "pa55word", "operator"))


def test_nobody_listening_is_told_without_the_address(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    url = "http://operator:pa55word@127.0.0.1:9/services/s3cr3tt0ken"
    assert len(send_alert(Settings(tmp_path, NOW, alert_webhook=url), an_alert())) == 1
    told = capfd.readouterr().err
    assert "http://127.0.0.1:9" in told
    assert not any(secret in told for secret in ("s3cr3tt0ken", "pa55word", "operator"))


def test_the_payload_holds_no_secret(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    error = WarehouseError(
        "sending failed", why="https://me:pa55word@mail.example/?api_key=5ecret1 and Authorization: Bearer abcdefghij"
    )
    settings = Settings(tmp_path, NOW, alert_command=python_command(KEEP_STDIN, kept))
    send_alert(settings, an_alert(error))
    told = kept.read_text(encoding="utf-8")
    assert "mail.example" in told
    assert not any(secret in told for secret in ("pa55word", "5ecret1", "abcdefghij"))


def test_secrets_are_taken_out_of_any_text() -> None:
    text = "POST https://hooks.example/services/T012/s3cr3t failed: /services/T012/s3cr3t"
    cleaned = without_secrets(text, ["https://hooks.example/services/T012/s3cr3t", "services/T012/s3cr3t"])
    assert cleaned == "POST *** failed: /***"
    assert without_secrets("landing/views has 5 rows at 12:00, see a@b.example") == (
        "landing/views has 5 rows at 12:00, see a@b.example"
    )


def test_settings_do_not_show_their_secrets() -> None:
    settings = load_settings(
        {"CLIFFHANGER_ALERT_COMMAND": "mail --password=hush-hush", "CLIFFHANGER_ALERT_WEBHOOK": "https://x/s3cr3t "}
    )
    assert settings.alert_webhook == "https://x/s3cr3t"
    assert "hush" not in repr(settings)
    assert "s3cr3t" not in repr(settings)


@pytest.mark.parametrize(
    ("command", "webhook", "words"),
    [
        ("no-such-program --token=hush", "", ["no program no-such-program"]),
        ("'", "", ["cannot be split"]),
        ("", "ftp://x/s3cr3t", ["not an http"]),
        ("", "hooks.example/s3cr3t", ["not an http"]),
        ("", "http://[/s3cr3t", ["not a URL"]),
        ("sh -c true", "https://x/s3cr3t", []),
    ],
)
def test_hooks_that_cannot_work_are_found_beforehand(
    tmp_path: Path, command: str, webhook: str, words: list[str]
) -> None:
    problems = hook_problems(
        Settings(tmp_path, alert_command=command, alert_webhook=webhook), lambda name: name if name == "sh" else None
    )
    assert len(problems) == len(words)
    assert all(word in problem for word, problem in zip(words, problems, strict=True))
    assert not any(secret in "".join(problems) for secret in ("s3cr3t", "hush"))


def test_unforeseen_errors_are_told_by_their_kind() -> None:
    alert = an_alert(ZeroDivisionError("division by zero"))
    assert (alert.event, alert.exit_code) == (Event.FAILED, 1)
    assert "ZeroDivisionError: division by zero" in alert.why


def test_a_fault_of_the_alert_itself_never_hides_the_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(*arguments: object) -> None:
        raise RuntimeError("hush-hush")

    monkeypatch.setattr(delivery_module, "send_alert", broken)
    tell_of(ERROR, Settings(tmp_path, NOW), job="nightly", started_by="command")
    told = capfd.readouterr().err
    assert "RuntimeError" in told
    assert "hush-hush" not in told


@pytest.mark.parametrize(
    ("error", "calls"), [(ERROR, 1), (KeyError("x"), 1), (UsageError("no such day"), 0), (KeyboardInterrupt(), 0)]
)
def test_a_run_tells_what_has_ended_it_and_ends_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, calls: int
) -> None:
    def fails(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(job_module, "_preflight", fails)
    kept = tmp_path / "kept"
    settings = Settings(tmp_path, NOW, alert_command=python_command(KEEP_STDIN, kept))
    with pytest.raises(type(error)) as ended:
        job_module.run_nightly(settings, first=date(2026, 5, 20), last=date(2026, 5, 20))
    assert ended.value is error
    assert len(kept.read_text(encoding="utf-8").splitlines() if kept.exists() else []) == calls
