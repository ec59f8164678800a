"""A person is taken out of landing, warehouse, quarantine and releases; every sum and count is what it was."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import os
import shutil
import zlib
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result
from door import lines, topup, view
from typer.testing import CliRunner

from dagster_project.cli import app
from dagster_project.contracts import feed_contracts, reference_contracts
from dagster_project.core.errors import CliffhangerError, NothingToDo, PartlyDone, PrivacyError, UsageError
from dagster_project.erasure import Receipt, carry_out, discard, erase, prepare, resume
from dagster_project.ingest import FileOutcome, ingest_feed, prepare_raw
from dagster_project.storage.batches import prepare_history
from dagster_project.storage.erased_persons import load_persons
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.reference_tables import read_reference, write_reference
from dagster_project.storage.release import current_release, roll_back
from dagster_project.storage.warehouse import open_warehouse

NOW = datetime(2026, 5, 20, 3, tzinfo=UTC)
GONE = "viewer-of-interest"
DEVICE = "device-of-interest"
CONTRACTS = feed_contracts()
FEEDS = tuple(CONTRACTS)


def unlock(number: int, **changes: Any) -> dict[str, Any]:
    """A good row of the unlocks feed."""
    return {
        "source": "server",
        "order_id": f"o-{number}",
        "line_no": 1,
        "event_seq": 1,
        "event_type": "unlocked",
        "surface": "ext_ios",
        "app_id": "ios-1",
        "viewer_id": f"viewer-{number:05}",
        "series_id": "S-1",
        "episode_seq_from": 5,
        "episode_seq_to": 5,
        "unlock_method": "coin",
        "token_type": "COIN",
        "token_paid": 50,
        "token_bonus": 0,
        "price_amount": "0.49",
        "price_currency": "USD",
        "event_ts": "2026-05-12T09:10:00Z",
        "received_ts": "2026-05-12T09:10:05Z",
        **changes,
    }


def mine(number: int) -> dict[str, Any]:
    """A view of the person, on a device that has an id of its own."""
    return view(number, viewer_id=GONE, anon_id=DEVICE, playback_id="mine")


VIEWS = [
    *(view(number) for number in range(30)),
    *(mine(number) for number in range(100, 110)),
    mine(105),  # repeated
    {**mine(106), "position_ms": 999},  # contradicts what came before
    {**mine(107), "episode_seq": "many"},  # refused; its person is masked
    view(200, viewer_id="viewer-00001", friend=GONE),  # an unknown column names the person
    f'{{"event_id": "torn", "viewer_id": "{GONE}", "note": "{GONE}-not"',
    f'["{GONE}"]',
    "",
]
UNLOCKS = [
    *(unlock(number) for number in range(10)),
    unlock(50, viewer_id=GONE, raw_payload=json.dumps({"user_openid": GONE, "mail": f"{GONE}@example.org"})),
    unlock(51, viewer_id=GONE, event_type="refunded", refund_tokens=50, price_amount="-0.49"),
]
TOPUPS = [topup(number, viewer_id=f"viewer-{number:05}", app_id="ios-1") for number in range(5)]
TOPUPS += [topup(60, viewer_id=GONE, app_id="ios-1", gross_amount="19.99")]


def csv_text(rows: list[dict[str, Any]]) -> str:
    names = sorted({name for row in rows for name in row})
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, names)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def deliver(layout: DataLayout, name: str, content: bytes) -> None:
    path = layout.landing / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def take_in(layout: DataLayout, now: datetime = NOW) -> dict[str, FileOutcome]:
    """A night's run up to raw; outcomes by file name."""
    persons = load_persons(layout, None)
    found: dict[str, FileOutcome] = {}
    with closing(open_warehouse(layout)) as connection:
        prepare_raw(connection, CONTRACTS)
        prepare_history(connection)
        write_reference(connection, read_reference(layout.reference, TABLES), now, persons)
        for contract in CONTRACTS.values():
            result = ingest_feed(connection, layout, contract, batch_id=f"{now:%d}", now=now, persons=persons)
            found |= {outcome.file_name: outcome for outcome in result.files}
    return found


TABLES = {name: reference_contracts()[name] for name in ("test_account", "identity_link")}


@pytest.fixture
def layout(made: DataLayout, tmp_path: Path) -> DataLayout:
    """A copy of the root to erase from."""
    shutil.copytree(made.root, tmp_path / "data")
    return DataLayout(tmp_path / "data")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> DataLayout:
    """A data root in every form of file, taken in and released, with a person in every place."""
    layout = DataLayout(tmp_path_factory.mktemp("made") / "data")
    layout.prepare()
    deliver(layout, "views/a.jsonl.gz", gzip.compress(lines(VIEWS).encode()))
    deliver(layout, "views/copy.jsonl.gz", gzip.compress(lines(VIEWS).encode()))
    rows = [view(number) for number in range(300, 305)] + [mine(400), mine(401)]
    pq.write_table(pa.Table.from_pylist(rows), layout.landing / "views/b.parquet", compression="zstd")
    deliver(layout, "unlocks/a.csv", csv_text(UNLOCKS).encode())
    with pa.OSFile(str(_folder(layout, "topups") / "a.jsonl.zst"), "wb") as out:
        packed = pa.CompressedOutputStream(out, "zstd")
        packed.write(lines(TOPUPS).encode())
        packed.close()
    deliver(layout, "ads/broken.jsonl.gz", b"\x1f\x8b\x08 not a gzip file")
    layout.reference.mkdir()
    (layout.reference / "test_account.csv").write_text(f"app_id,viewer_id\nios-1,{GONE}\nios-1,viewer-00002\n")
    (layout.reference / "identity_link.csv").write_text(
        f"union_id,open_id,app_id,app_user_id\nU-1,{GONE},ios-1,A-1\nU-2,viewer-00003,ios-1,A-2\n"
    )
    take_in(layout)
    publish(layout)
    return layout


def _folder(layout: DataLayout, feed: str) -> Path:
    folder = layout.landing / feed
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def publish(layout: DataLayout) -> None:
    """Two releases with viewers in them, as a run leaves them; the second is current. Facts as the models keep them."""
    with closing(open_warehouse(layout)) as connection:
        connection.execute(
            "create schema core; create table core.fct_play as select app_id || '|' || viewer_id as viewer_key, "
            "count(*) as rows from raw.views group by all; "
            "create schema staging; create view staging.seen as select * from core.fct_play; "
            "comment on table core.fct_play is 'plays'"
        )
        rows = connection.execute("select * from core.fct_play").to_arrow_table()
    for name in ("20260518T030000Z-1", "20260519T030000Z-2"):
        with duckdb.connect(str(layout.releases / f"{name}.duckdb")) as release:
            release.register("kept", rows)
            release.execute("create schema core; create table core.fct_play as select * from kept")
            release.execute("comment on column core.fct_play.viewer_key is 'Viewer'")
        (layout.releases / f"{name}.duckdb").chmod(0o444)
    roll_back(layout, "20260519T030000Z-2")
    (layout.runs / "run-1").mkdir(parents=True)
    pq.write_table(rows, layout.runs / "run-1" / "fct_play.parquet", compression="none")


def pseudonym(layout: DataLayout) -> str:
    return load_persons(layout, None).pseudonym(GONE)


def erased(layout: DataLayout, *ids: str, now: datetime = NOW + timedelta(days=1)) -> Receipt:
    return carry_out(layout, prepare(layout, load_persons(layout, None), ids or (GONE,), now=now))


def everything(layout: DataLayout) -> dict[str, Any]:
    """All that must not change: every value of every row but who it is, who shares a row with whom, and the books."""
    with closing(open_warehouse(layout, read_only=True)) as connection:

        def rows(query: str) -> list[tuple[Any, ...]]:
            return connection.execute(query).fetchall()

        found: dict[str, Any] = {}
        for feed, contract in CONTRACTS.items():
            persons = ", ".join(column.name for column in contract.columns if column.names_viewer)
            found[feed] = rows(f"select * exclude ({persons}, _file_sha256) from raw.{feed} order by all")
            found[f"{feed} by viewer"] = rows(
                f"select count(*), min(event_ts), max(event_ts) from raw.{feed} group by app_id, viewer_id order by all"
            )
        found["books"] = rows(
            "select file_name, status, lines_read, accepted, duplicate, conflict, rejected, blank "
            "from raw.files order by all"
        )
        found["quarantine"] = rows("select file_name, line_no, reason_code from raw.quarantine order by all")
        found["lost"] = rows("select feed, row_key, line_no, received_ts, state from raw.lost_rows order by all")
        found["testers"] = rows(
            "select count(*) from raw.views semi join reference.test_account using (app_id, viewer_id)"
        )
    return found


def texts_of(root: Path) -> dict[str, bytes]:
    """Every byte below the root, files unpacked; of databases also every text they give."""
    found = {}
    for path in sorted(root.rglob("*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        name = str(path.relative_to(root))
        if path.suffix == ".gz":
            with suppress(OSError, EOFError, zlib.error):
                content += gzip.decompress(content)
        elif path.suffix == ".zst":
            content += pa.CompressedInputStream(pa.BufferReader(content), "zstd").read()
        elif path.suffix == ".parquet":
            content += repr(pq.read_table(path).to_pylist()).encode()
        elif path.suffix == ".duckdb":
            with duckdb.connect(str(path), read_only=True) as connection:
                tables = connection.execute(
                    "select schema_name, table_name from duckdb_tables() union "
                    "select schema_name, view_name from duckdb_views() where not internal"
                ).fetchall()
                for schema, table in tables:
                    content += repr(connection.execute(f'from "{schema}"."{table}"').fetchall()).encode()
        found[name] = content
    return found


def mentions(root: Path, *texts: str) -> list[str]:
    return [name for name, content in texts_of(root).items() for text in texts if text.encode() in content]


def test_the_person_is_gone_and_every_figure_stays(layout: DataLayout) -> None:
    before, name = everything(layout), pseudonym(layout)
    assert mentions(layout.root, GONE, name), "or the search proves nothing"
    receipt = erased(layout)
    # `viewer-of-interest-not` and a mail address are other texts than the id.
    left = [where for where, content in texts_of(layout.root).items() if _as_word(GONE, content)]
    assert left == []
    assert mentions(layout.root, name) == []
    assert everything(layout) == before
    assert receipt.is_ledger_unchanged
    assert receipt.unreadable_files == ("ads/broken.jsonl.gz",)


def _as_word(text: str, content: bytes) -> bool:
    around = content.split(text.encode())
    inside = frozenset(b"-@abcdefghijklmnopqrstuvwxyz0123456789")
    return any(
        (not first or first[-1] not in inside) and (not second or second[0] not in inside)
        for first, second in pairwise(around)
    )


def test_the_device_leaves_with_its_viewer(layout: DataLayout) -> None:
    device = load_persons(layout, None).pseudonym(DEVICE)
    assert mentions(layout.root, DEVICE, device)
    erased(layout)
    assert mentions(layout.root, DEVICE, device) == []


def test_a_rebuild_from_landing_is_the_same(layout: DataLayout) -> None:
    erased(layout)
    with closing(open_warehouse(layout, read_only=True)) as connection:
        columns = "columns(c -> c <> '_ingest_date' and c <> '_ingested_at' and c <> '_file_name')"
        before = {
            feed: connection.execute(f"select {columns} from raw.{feed} order by all").fetchall() for feed in FEEDS
        }
    layout.warehouse.unlink()
    take_in(layout)
    with closing(open_warehouse(layout, read_only=True)) as connection:
        after = {
            feed: connection.execute(f"select {columns} from raw.{feed} order by all").fetchall() for feed in FEEDS
        }
    assert after == before


def test_nothing_is_read_again_after_it(layout: DataLayout) -> None:
    erased(layout)
    assert {outcome.status for outcome in take_in(layout, NOW + timedelta(days=2)).values()} <= {"known"}


def test_releases_and_working_copies(layout: DataLayout) -> None:
    name = pseudonym(layout)
    receipt = erased(layout)
    assert [one["release"] for one in receipt.releases] == ["20260518T030000Z-1", "20260519T030000Z-2"]
    assert list(layout.runs.iterdir()) == []
    current = current_release(layout)
    assert current is not None
    assert current.stem == "20260519T030000Z-2"
    for path in (layout.published, *layout.releases.glob("*.duckdb")):
        assert path.stat().st_mode & 0o777 == 0o444
        with duckdb.connect(str(path), read_only=True) as release:
            rows = release.execute("select viewer_key, rows from core.fct_play").fetchall()
            comment = release.execute(
                "select comment from duckdb_columns() where column_name = 'viewer_key'"
            ).fetchall()
        assert len(rows) == 36
        assert not any(name in key for key, _ in rows)
        assert comment == [("Viewer",)]
    with closing(open_warehouse(layout, read_only=True)) as connection:
        assert connection.execute("select count(*) from staging.seen").fetchall() == [(36,)]
        assert connection.execute("select state from raw.batches where batch_id like 'erasure-%'").fetchall() == [
            ("pending",)
        ]


def test_the_receipt_says_what_was_done_and_nothing_about_the_person(layout: DataLayout) -> None:
    name = pseudonym(layout)
    receipt = erased(layout)
    text = Path(receipt.path).read_text()
    told = json.loads(text)
    assert Path(receipt.path).stat().st_mode & 0o777 == 0o600
    assert GONE not in text
    assert name not in text
    files = {one["file"]: one for one in told["landed_files"]}
    assert {name: one["lines"] for name, one in files.items()} == {
        "landing/topups/a.jsonl.zst": 1,
        "landing/unlocks/a.csv": 2,
        "landing/views/a.jsonl.gz": 16,
        "landing/views/b.parquet": 2,
        "landing/views/copy.jsonl.gz": 16,
    }
    for place, one in files.items():
        assert hashlib.sha256((layout.root / place).read_bytes()).hexdigest() == one["sha256_after"]
    assert told["changed_rows"]["raw.views"] >= 12
    assert told["ledger_head_before"] == told["ledger_head_after"]


def test_every_other_byte_of_landing_is_as_it_was_delivered(layout: DataLayout) -> None:
    before = gzip.decompress((layout.landing / "views/a.jsonl.gz").read_bytes()).decode().splitlines()
    erased(layout)
    after = gzip.decompress((layout.landing / "views/a.jsonl.gz").read_bytes()).decode().splitlines()
    assert len(after) == len(before)
    changed = [first for first, second in zip(before, after, strict=True) if first != second]
    assert all(GONE in line for line in changed)
    assert len(changed) == 16
    one = json.loads(after[30])
    token = one["viewer_id"]
    assert one == {**mine(100), "viewer_id": token, "anon_id": token}
    assert token.startswith("gone-")
    assert all(json.loads(line)["viewer_id"] == token for line in after[30:40]), "their rows stay together"
    with (layout.landing / "unlocks/a.csv").open(newline="") as stream:
        paid = {row["order_id"]: row["price_amount"] for row in csv.DictReader(stream)}
    assert paid["o-50"] == "0.49"


def test_one_person_has_one_name_in_every_feed_and_table(layout: DataLayout) -> None:
    with closing(open_warehouse(layout, read_only=True)) as connection:
        names = connection.execute(
            "select viewer_id from raw.views where event_id = 'e-00100' union all "
            "select viewer_id from raw.unlocks where order_id = 'o-50' union all "
            "select viewer_id from raw.topups where store_transaction_id = 't-00060' union all "
            "select open_id from reference.identity_link where app_user_id = ? union all "
            "select max(split_part(viewer_key, '|', 2)) from raw.touched where feed = 'topups' and viewer_key like ?",
            [load_persons(layout, None).pseudonym("A-1"), f"%{pseudonym(layout)}"],
        ).fetchall()
        assert names == [(pseudonym(layout),)] * 5
        assert connection.execute(
            "select count(*) from raw.views semi join reference.test_account using (app_id, viewer_id)"
        ).fetchall() == [(13,)]
        assert connection.execute(
            "select count(*) from raw.views where not starts_with(viewer_id, 'p-')"
        ).fetchall() == [(0,)]


def test_the_payload_of_a_source_is_not_kept(layout: DataLayout) -> None:
    with closing(open_warehouse(layout, read_only=True)) as connection:
        assert connection.execute("select count(raw_payload), count(*) from raw.unlocks").fetchall() == [(0, 12)]


def tree(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


def test_a_plan_that_is_discarded_changes_nothing(layout: DataLayout) -> None:
    erased(layout, "viewer-00004")  # creates the tables of this version
    before = tree(layout.landing) | tree(layout.quarantine) | tree(layout.published_dir) | tree(layout.privacy)
    plan = prepare(layout, load_persons(layout, None), (GONE,), now=NOW)
    assert dict(plan.raw_rows) == {"ads": 0, "topups": 1, "unlocks": 2, "views": 12}
    discard(layout, plan)
    assert tree(layout.landing) | tree(layout.quarantine) | tree(layout.published_dir) | tree(layout.privacy) == before
    assert everything(layout)["views"]


def test_nobody_of_that_name(layout: DataLayout) -> None:
    with pytest.raises(NothingToDo, match="nobody of that name"):
        erased(layout, "viewer-of-inter")
    erased(layout)
    with pytest.raises(NothingToDo, match="nobody of that name"):
        erased(layout)
    with pytest.raises(NothingToDo, match="every erasure is finished"):
        resume(layout)


STEPS: dict[str, tuple[Any, str]] = {
    "before the journal": (erase, "save_journal"),
    "before the rows": (erase, "rename_persons"),
    "within the rows": (erase, "follow_content"),
    "before the tombstones": (erase, "note_erasures"),
    "before the reference tables": (erase, "follow_fingerprint"),
    "before the mirrors": (erase, "write_mirrors"),
    "before the releases": (erase, "kept_releases"),
    "within the releases": (erase, "roll_back"),
    "before the new file": (erase, "write_anew"),
    "before the receipt": (erase, "write_private"),
}


QUICK = ("before the journal", "before the tombstones", "within the releases")


@pytest.mark.parametrize(
    "step", [step if step in QUICK else pytest.param(step, marks=pytest.mark.full) for step in STEPS]
)
def test_killed_at_any_step_it_can_be_finished(layout: DataLayout, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    before, name = everything(layout), pseudonym(layout)

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(*STEPS[step], die)
        with pytest.raises(KeyboardInterrupt):
            erased(layout)
    if step == "before the journal":
        erased(layout)
    else:
        with pytest.raises(PrivacyError, match="an erasure is not finished"):
            take_in(layout, NOW + timedelta(days=2))
        assert GONE not in layout.erasure_journal.read_text()
        assert resume(layout).is_resumed
    assert [where for where, content in texts_of(layout.root).items() if _as_word(GONE, content)] == []
    assert mentions(layout.root, name) == []
    assert everything(layout) == before
    assert not layout.erasure_journal.exists()
    assert len(layout.erased_persons.read_text().splitlines()) == 1


def test_a_full_disk_is_told_and_nothing_is_lost(layout: DataLayout, monkeypatch: pytest.MonkeyPatch) -> None:
    before = everything(layout)

    def full(path: Path, **_: Any) -> None:
        raise OSError(28, os.strerror(28), str(path))

    with monkeypatch.context() as patched:
        patched.setattr("dagster_project.erasure.landed_files.os.utime", full)
        with pytest.raises(CliffhangerError, match="No space left"):
            erased(layout)
    assert not layout.erasure_journal.exists()
    assert everything(layout) == before
    assert GONE.encode() in texts_of(layout.root)["landing/unlocks/a.csv"]


def replay(layout: DataLayout, deliveries: Callable[[DataLayout], None]) -> dict[str, FileOutcome]:
    deliveries(layout)
    return take_in(layout, NOW + timedelta(days=3))


def test_the_same_file_delivered_again_is_known(layout: DataLayout) -> None:
    archived = (layout.landing / "views/a.jsonl.gz").read_bytes()
    erased(layout)
    before = everything(layout)
    found = replay(layout, lambda root: deliver(root, "views/again.jsonl.gz", archived))
    assert found["views/again.jsonl.gz"].status == "known"
    assert everything(layout) == before


def test_a_replay_packed_anew_does_not_bring_the_person_back(layout: DataLayout) -> None:
    name = pseudonym(layout)
    erased(layout)
    before = everything(layout)
    # Plain text: not a byte of it was seen as a file before.
    rows = [row for row in VIEWS if isinstance(row, dict)]
    found = replay(layout, lambda root: deliver(root, "views/again.jsonl", lines(rows).encode()))["views/again.jsonl"]
    assert (found.accepted, found.rejected, found.status) == (0, 13, "loaded")
    assert found.lines_read == found.duplicate + found.conflict + found.rejected == 44
    after = everything(layout)
    assert after["views"] == before["views"]
    assert after["views by viewer"] == before["views by viewer"]
    with closing(open_warehouse(layout, read_only=True)) as connection:
        reasons = connection.execute(
            "select reason_code, count(*), count(raw_text) from raw.quarantine where file_name = 'views/again.jsonl' "
            "and reason_code <> 'conflict' group by 1 order by 1"
        ).fetchall()
        assert reasons == [("bad_int", 1, 1), ("erased", 12, 0)]
        assert connection.execute("select count(*) from raw.views where viewer_id = ?", [name]).fetchall() == [(0,)]


def test_money_that_comes_late_counts_for_nobody(layout: DataLayout) -> None:
    erased(layout)
    rows = [
        topup(60, viewer_id=GONE, app_id="ios-1", gross_amount="19.99"),  # known: delivered before
        topup(61, viewer_id=GONE, app_id="ios-1", event_type="refund", gross_amount="-19.99"),
    ]
    found = replay(layout, lambda root: deliver(root, "topups/late.jsonl", lines(rows).encode()))["topups/late.jsonl"]
    assert (found.accepted, found.rejected) == (1, 1)
    with closing(open_warehouse(layout, read_only=True)) as connection:
        assert connection.execute(
            "select viewer_id, gross_amount::varchar from raw.topups where store_transaction_id = 't-00061'"
        ).fetchall() == [(None, "-19.990000")]


def test_who_comes_back_later_is_another_person_and_can_be_erased_again(layout: DataLayout) -> None:
    first = pseudonym(layout)
    erased(layout)
    later = {"event_ts": "2026-05-22T09:00:00Z", "received_ts": "2026-05-22T09:00:05Z", "viewer_id": GONE}
    rows = [view(number, **later) for number in range(900, 903)]
    found = replay(layout, lambda root: deliver(root, "views/later.jsonl", lines(rows).encode()))["views/later.jsonl"]
    assert found.accepted == 3
    second = pseudonym(layout)
    assert second != first
    with closing(open_warehouse(layout, read_only=True)) as connection:
        assert connection.execute("select count(*) from raw.views where viewer_id = ?", [second]).fetchall() == [(3,)]
    erased(layout, now=NOW + timedelta(days=4))
    assert mentions(layout.root, first, second) == []
    assert len(layout.erased_persons.read_text().splitlines()) == 2
    assert pseudonym(layout) not in (first, second)


@pytest.mark.parametrize(
    ("feed", "form"), [("views", "parquet"), ("views", "gz"), ("unlocks", "csv"), ("topups", "zst")]
)
def test_a_pseudonym_names_the_person_too(layout: DataLayout, feed: str, form: str) -> None:
    name = pseudonym(layout)
    with closing(open_warehouse(layout)) as connection:  # the one row by which the id is found
        for other in FEEDS:
            which = f"not ends_with(_file_name, '{form}')" if other == feed else "true"
            connection.execute(f"delete from raw.{other} where viewer_id = ? and {which}", [name])
    plan = prepare(layout, load_persons(layout, None), (name,), now=NOW)
    assert plan.ids == (GONE,)
    with pytest.raises(NothingToDo, match="nobody has that pseudonym"):
        prepare(layout, load_persons(layout, None), ("p-" + "0" * 32,), now=NOW)


def test_several_at_once_stay_apart(layout: DataLayout) -> None:
    before = everything(layout)
    receipt = erased(layout, GONE, "viewer-00001", "viewer-00002")
    assert receipt.persons == 3
    assert everything(layout) == before
    assert [where for where, content in texts_of(layout.root).items() if _as_word("viewer-00001", content)] == []


@pytest.fixture
def command(layout: DataLayout, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The command on this root, under the root's own key."""
    monkeypatch.setenv("CLIFFHANGER_DATA", str(layout.root))
    monkeypatch.setenv("CLIFFHANGER_NOW", "2026-05-21T03:00:00Z")
    monkeypatch.delenv("CLIFFHANGER_PSEUDONYM_KEY_FILE")

    def call(*arguments: str, answer: str = "") -> Result:
        return CliRunner().invoke(app, ["erase", *arguments], input=answer)

    return call


def test_the_command_asks_before_it_does_anything(layout: DataLayout, command: Callable[..., Result]) -> None:
    before = tree(layout.landing)
    declined = command("--viewer", GONE, answer="n\n")
    assert declined.exit_code == 1
    assert "rows: 1 in topups, 2 in unlocks, 12 in views" in declined.output
    assert tree(layout.landing) == before
    rehearsed = command("--viewer", GONE, "--dry-run", "--json")
    assert json.loads(rehearsed.stdout)["landed_lines"] == 37
    assert tree(layout.landing) == before
    agreed = command("--viewer", GONE, answer="y\n")
    assert isinstance(agreed.exception, PartlyDone), agreed.output
    assert "ads/broken.jsonl.gz" in str(agreed.exception)
    assert "closed months: as it was" in agreed.output
    assert GONE not in agreed.output
    assert tree(layout.landing) != before


def test_the_command_is_asked_for_one_thing(command: Callable[..., Result]) -> None:
    for arguments in ((), ("--viewer", GONE, "--resume"), ("--viewer", "")):
        assert isinstance(command(*arguments).exception, UsageError)
    assert isinstance(command("--resume").exception, NothingToDo)
