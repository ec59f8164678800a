"""Builds reports from a released file and writes them, each file whole or not at all."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from dashboards.document import State
from dashboards.errors import ReportBlocked, UnknownPeriod, UnknownRecipient
from dashboards.fonts import prepare_fonts
from dashboards.published import Release
from dashboards.registry import get_report
from dashboards.render import RenderedPage, RenderedReport, rendered

Progress = Callable[[int, int, str], None]
"""Called with how many packs are done, how many there are, and the recipient just finished."""


@dataclass(frozen=True)
class BuiltReport:
    """One pack as written: `files` are report.pdf (or the page) and figures.json, `sha256` is of the first."""

    report: str
    period: str
    recipient: str
    folder: Path
    files: tuple[Path, ...]
    sha256: str
    pages: int
    state: State


def build_reports(
    published: Path,
    reports_dir: Path,
    *,
    report: str,
    period: str | None = None,
    recipient: str | None = None,
    cache_dir: Path,
    progress: Progress | None = None,
) -> list[BuiltReport]:
    """Build `report` for one recipient, or for all, and write the packs under `reports_dir`.

    `period` defaults to the last one the release covers; `cache_dir` keeps cut fonts between runs. Raises
    UnknownReport, UnknownPeriod or UnknownRecipient for what is not there, ReportBlocked when a critical
    check of the release failed (nothing is written), and the errors of reading and typesetting.
    """
    chosen = get_report(report)
    with Release(published) as release:
        critical = blocking_checks(release)
        if critical:
            raise ReportBlocked(
                f"release {release.identity.release_id} has failed critical checks ({', '.join(critical)}): "
                f"no {report} is delivered from it; mend the data or roll back, then publish again"
            )
        periods = chosen.periods(release)
        if not periods:
            raise UnknownPeriod(f"the release covers no complete {chosen.period_kind} for {report}")
        wanted = periods[-1] if period is None else period
        if wanted not in periods:
            raise UnknownPeriod(
                f"{wanted!r} is not a {chosen.period_kind} that the release can be reported for; "
                f"it covers {periods[0]} to {periods[-1]}"
            )
        recipients = chosen.recipients(release, wanted)
        if recipient is not None:
            if recipient not in recipients:
                raise UnknownRecipient(
                    f"{recipient!r} does not get {report} for {wanted}; those who do: {', '.join(recipients)}"
                )
            recipients = [recipient]
        fonts = prepare_fonts(cache_dir)
        built: list[BuiltReport] = []
        for one in recipients:
            document = chosen.build(release, wanted, one, fonts)
            done = rendered(document, fonts)
            folder = reports_dir / report / wanted / folder_name(one)
            files = write_pack(folder, done)
            digest = hashlib.sha256(done.main_file[1]).hexdigest()
            built.append(BuiltReport(report, wanted, one, folder, tuple(files), digest, done.pages, document.state))
            if progress is not None:
                progress(len(built), len(recipients), one)
    return built


def blocking_checks(release: Release) -> list[str]:
    """Names of the critical checks that the release failed, sorted."""
    rows = release.read(
        "meta.checks",
        ["check_name"],
        {"release_id": release.identity.release_id, "severity": "critical", "passed": False},
    )
    return sorted({str(row["check_name"]) for row in rows})


def write_pack(report_dir: Path, done: RenderedReport | RenderedPage) -> list[Path]:
    """Write the report (report.pdf, or the page under its name) and figures.json, replacing each in one step."""
    report_dir.mkdir(parents=True, exist_ok=True)
    name, content = done.main_file
    figures: Mapping[str, object] = {
        **done.figures,
        f"{Path(name).suffix[1:]}_sha256": hashlib.sha256(content).hexdigest(),
    }
    contents = {
        name: content,
        "figures.json": (json.dumps(figures, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode(),
    }
    written: list[Path] = []
    with tempfile.TemporaryDirectory(dir=report_dir.parent, prefix=".building-") as scratch:
        for file_name, file_content in contents.items():
            draft = Path(scratch) / file_name
            draft.write_bytes(file_content)
            target = report_dir / file_name
            draft.replace(target)
            written.append(target)
    return written


def folder_name(identifier: str) -> str:
    """An id as one harmless folder name: plain ids stay as they are, anything else is percent-encoded."""
    name = quote(identifier, safe="")
    return f"%2E{name[1:]}" if name.startswith(".") else name
