"""Data Docs: what Great Expectations said of the latest deliveries, as pages a browser opens without a network.

The bodies are rendered by Great Expectations. Its own page around them loads styles, scripts and pictures from five
hosts, so pages get one of ours here: no script, one style sheet inside, and a policy that forbids every request.
"""

from __future__ import annotations

import html
import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dagster_project.core.errors import WarehouseError
from dagster_project.ingest.gate import GateResult
from dagster_project.ingest.profile import FeedProfile
from dagster_project.storage.layout import DataLayout

KEPT_BATCHES = 30
_RESULT = "result.json"
_PAGE = "result.html"
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #1c1e21; }
h1 { font-size: 1.4rem; } h5, h6 { font-size: 1.05rem; margin: 1.2rem 0 .3rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem; }
th, td { border-bottom: 1px solid #d8dce1; padding: .35rem .6rem; text-align: left; vertical-align: top; }
td b { white-space: nowrap; } td ul { margin: 0; padding-left: 1.1rem; list-style: none; }
.text-success, .passed { color: #0a7a3d; } .text-danger, .blocked { color: #b3261e; } .warned { color: #8a5a00; }
.fa-check-circle::before { content: "\\2713"; } .fa-times::before { content: "\\2715"; }
.fa-exclamation-triangle::before { content: "\\25B2"; }
i { font-style: normal; font-weight: 700; }
@media (prefers-color-scheme: dark) { body { background: #16181c; color: #e4e6ea; } th, td { border-color: #3a3f47; }
  a { color: #8ab4f8; } .text-success, .passed { color: #6fcf97; } .text-danger, .blocked { color: #ff8a80; }
  .warned { color: #f2c94c; } }
"""


@dataclass(frozen=True)
class _Entry:
    """One line of the index.

    Attributes:
        n_checks: How many were judged.
        failed: The sentences of what lies outside its bounds, the critical ones first.
    """

    feed: str
    batch_id: str
    delivered_at: str
    verdict: str
    n_checks: int
    failed: list[str]


def write_data_docs(layout: DataLayout, profile: FeedProfile, result: GateResult) -> Path:
    """Write the page of one verdict and the index of the latest 30 batches; returns the index.

    A verdict on the same batch replaces the earlier one. Pages hold figures and names of series, apps, regions and
    files, no row and nobody's id.

    Raises:
        WarehouseError: They cannot be written, or an earlier result cannot be read.
    """
    folder = layout.data_docs / profile.feed / profile.batch_id
    failed = sorted((check for check in result.checks if not check.passed), key=lambda check: check.severity)
    entry = _Entry(
        feed=profile.feed,
        batch_id=profile.batch_id,
        delivered_at=f"{profile.profiled_at:%Y-%m-%d %H:%M:%S}",
        verdict="passed" if not failed else "warned" if result.passed else "blocked",
        n_checks=sum(check.judged for check in result.checks),
        failed=[f"{check.severity}: {check.sentence}" for check in failed],
    )
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for place in (layout.data_docs, folder.parent, folder):
            place.chmod(0o700)
        _write(folder / _PAGE, _result_page(entry, result))
        content = {**asdict(entry), "validation": result.validation.to_json_dict()}
        _write(folder / _RESULT, json.dumps(content, ensure_ascii=False, indent=1))
        entries = _prune(layout, _entries(layout))
        _write(layout.data_docs_index, _index(entries))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WarehouseError(
            "the Data Docs of the gate cannot be written",
            where=str(layout.data_docs),
            why=str(error),
            fix="free disk space and make the folder writable, or move it away: it is made anew; then run again",
        ) from error
    return layout.data_docs_index


def _entries(layout: DataLayout) -> list[_Entry]:
    """Every verdict that is kept, the latest first."""
    found = []
    for path in layout.data_docs.glob(f"*/*/{_RESULT}"):
        content = json.loads(path.read_text(encoding="utf-8"))
        found.append(_Entry(**{name: content[name] for name in _Entry.__dataclass_fields__}))
    return sorted(found, key=lambda entry: (entry.delivered_at, entry.batch_id, entry.feed), reverse=True)


def _prune(layout: DataLayout, entries: list[_Entry]) -> list[_Entry]:
    """Drop what belongs to older batches than the latest thirty."""
    kept = list(dict.fromkeys(entry.batch_id for entry in entries))[:KEPT_BATCHES]
    for entry in entries:
        if entry.batch_id not in kept:
            shutil.rmtree(layout.data_docs / entry.feed / entry.batch_id)
    return [entry for entry in entries if entry.batch_id in kept]


def _result_page(entry: _Entry, result: GateResult) -> str:
    """One verdict: every check in a sentence, then the validation result as Great Expectations renders it."""
    # Eight seconds of import; whoever has a result has paid them.
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaSectionView

    checks = sorted(result.checks, key=lambda check: (check.passed, check.severity))
    rows = [
        (
            _mark(check.passed, "warned" if check.severity == "warning" else "blocked", judged=check.judged),
            html.escape(check.name),
            html.escape(check.severity),
            html.escape(check.sentence),
        )
        for check in checks
    ]
    view = DefaultJinjaSectionView()
    sections = []
    for number, section in enumerate(ValidationResultsPageRenderer().render(result.validation).sections, start=1):
        content: dict[str, Any] = section.to_json_dict()
        # What folds open by a script holds versions and fingerprints of no use here, the subheader a link to nowhere.
        blocks = [block for block in content["content_blocks"] if block["content_block_type"] != "collapse"]
        content["content_blocks"] = [
            {name: value for name, value in block.items() if name != "subheader"} for block in blocks
        ]
        sections.append(view.render({"section": content, "section_loop": {"index": number}}))
    title = f"{entry.feed}, delivered {entry.delivered_at} UTC: {entry.verdict}"
    body = (
        f'<p><a href="../../index.html">All deliveries</a></p>{_table(("", "rule", "severity", "what was seen"), rows)}'
        f"<h1>As Great Expectations judged it</h1>{''.join(sections)}<p>Batch {html.escape(entry.batch_id)}</p>"
    )
    return _page(title, body)


def _index(entries: Iterable[_Entry]) -> str:
    rows = [
        (
            _mark(entry.verdict == "passed", entry.verdict),
            f'<a href="{html.escape(f"{entry.feed}/{entry.batch_id}/{_PAGE}")}">{html.escape(entry.delivered_at)}</a>',
            html.escape(entry.feed),
            f"{entry.n_checks - len(entry.failed)} of {entry.n_checks}",
            "<br>".join(map(html.escape, entry.failed)),
        )
        for entry in entries
    ]
    head = ("", "delivered (UTC)", "feed", "checks passed", "outside its bounds")
    note = (
        f"The latest {KEPT_BATCHES} batches. A critical check that fails holds the release back; "
        "docs/runbooks/gate.md says what each check means and what to do."
    )
    return _page("What was delivered, judged", f"<p>{note}</p>{_table(head, rows)}")


def _mark(passed: bool, otherwise: str, *, judged: bool = True) -> str:
    if not judged:
        return "<b>– not judged</b>"
    return f'<b class="{"passed" if passed else otherwise}">{"✓ passed" if passed else f"✕ {otherwise}"}</b>'


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>\n" for row in rows)
    names = "".join(f"<th>{name}</th>" for name in head)
    return f"<table><thead><tr>{names}</tr></thead><tbody>{lines}</tbody></table>"


def _page(title: str, body: str) -> str:
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><h1>{html.escape(title)}</h1>{body}</body></html>\n"
    )


def _write(path: Path, text: str) -> None:
    """In one step, so that a reader never sees half a page."""
    partial = path.with_name(f"{path.name}.partial")
    partial.touch(mode=0o600)
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
