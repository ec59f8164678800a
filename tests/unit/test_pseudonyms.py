"""Pseudonyms, their key, and the list of erased persons."""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from healthy_root import make_healthy, settings_of
from hypothesis import given
from hypothesis import strategies as st

from dagster_project.core.errors import PrivacyError
from dagster_project.core.findings import Level
from dagster_project.core.pseudonyms import Pseudonymizer
from dagster_project.doctor import examine, privacy
from dagster_project.settings import load_settings
from dagster_project.storage.erased_persons import Erasure, load_persons, note_erasures
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.pseudonym_key import load_pseudonymizer, read_key, require_same_key

KEY = bytes(range(32))


def by_hand(key: bytes, purpose: str, text: str) -> str:
    """HMAC as RFC 2104 writes it, from the hash alone."""
    block = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + f"{purpose}\0{text}".encode()).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in block) + inner).hexdigest()


def test_a_pseudonym_is_the_hmac_worked_out_by_hand() -> None:
    names = Pseudonymizer(KEY)
    assert names.pseudonym("7412345678901234567") == "p-" + by_hand(KEY, "person", "7412345678901234567")[:32]
    assert names.pseudonym("é", 2) == "p-" + by_hand(KEY, "person 2", "é")[:32]
    assert names.tombstone("u-1") == by_hand(KEY, "erased", "u-1")


def test_a_plain_hash_of_the_id_is_no_pseudonym() -> None:
    name = Pseudonymizer(KEY).pseudonym("u-1").removeprefix("p-")
    assert name not in hashlib.sha256(b"u-1").hexdigest()
    assert name != Pseudonymizer(KEY[::-1]).pseudonym("u-1").removeprefix("p-")


@given(st.lists(st.text(), unique=True, max_size=20))
def test_different_ids_have_different_names_and_none_shows_its_id(ids: list[str]) -> None:
    names = Pseudonymizer(KEY)
    assert len({names.pseudonym(text) for text in ids}) == len(ids)
    tombstones = {names.tombstone(text) for text in ids}
    assert not tombstones & {names.pseudonym(text).removeprefix("p-") for text in ids}
    assert all(names.pseudonym(text) == names.pseudonym(text) for text in ids)


def test_the_key_is_shown_nowhere() -> None:
    names = Pseudonymizer(KEY)
    assert (
        repr(names) == f"Pseudonymizer({hmac.new(KEY, b'key' + bytes(1) + b'cliffhanger', 'sha256').hexdigest()[:16]})"
    )
    assert KEY.hex() not in repr(vars(type(names)))


def test_a_key_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    layout = DataLayout(tmp_path)
    first = load_pseudonymizer(layout, None)
    assert stat.S_IMODE(layout.pseudonym_key.stat().st_mode) == 0o600
    assert stat.S_IMODE(layout.privacy.stat().st_mode) == 0o700
    assert len(layout.pseudonym_key.read_bytes()) >= 64
    assert load_pseudonymizer(layout, None).fingerprint == first.fingerprint
    assert [path.name for path in layout.privacy.iterdir()] == ["pseudonym.key"], "nothing half done is left"
    other = load_pseudonymizer(DataLayout(tmp_path / "other"), None)
    assert other.fingerprint != first.fingerprint


def test_a_key_that_is_not_safe_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    with pytest.raises(PrivacyError, match="No such file"):
        read_key(path)
    path.write_bytes(KEY)
    path.chmod(0o640)
    with pytest.raises(PrivacyError, match=r"other users may read it \(mode 0640\)"):
        read_key(path)
    path.chmod(0o600)
    assert read_key(path) == KEY
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(PrivacyError, match="cannot be used"):
        read_key(tmp_path / "link")
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(PrivacyError, match="no plain file"):
        read_key(tmp_path / "pipe")
    path.write_bytes(KEY[:31])
    with pytest.raises(PrivacyError, match="31 bytes"):
        read_key(path)
    with pytest.raises(PrivacyError, match="31 bytes"):
        load_pseudonymizer(DataLayout(tmp_path), path)


def test_the_environment_names_the_key_file(tmp_path: Path) -> None:
    settings = load_settings({"CLIFFHANGER_PSEUDONYM_KEY_FILE": str(tmp_path / "key")})
    assert settings.pseudonym_key_file == tmp_path / "key"
    assert load_settings({}).pseudonym_key_file is None


def test_a_warehouse_takes_one_key_and_no_other() -> None:
    with duckdb.connect() as connection:
        require_same_key(connection, Pseudonymizer(KEY))
        require_same_key(connection, Pseudonymizer(KEY))
        with pytest.raises(PrivacyError, match="not the one this warehouse was filled with") as told:
            require_same_key(connection, Pseudonymizer(KEY[::-1]))
    assert KEY.hex() not in str(told.value)


def test_a_warehouse_of_delivered_ids_is_not_mixed_with_pseudonyms() -> None:
    with duckdb.connect() as connection:
        connection.execute("create schema raw; create table raw.files as select 'x' as file_sha256")
        with pytest.raises(PrivacyError, match="by the ids they were delivered with"):
            require_same_key(connection, Pseudonymizer(KEY))


def test_who_comes_back_after_an_erasure_is_another_person(tmp_path: Path) -> None:
    layout = DataLayout(tmp_path)
    before = load_persons(layout, None)
    erasure = Erasure(before.pseudonymizer.tombstone("u-1"), "2026-05-20T00:00:00+00:00", "r-1")
    note_erasures(layout, [erasure])
    note_erasures(layout, [erasure])
    after = load_persons(layout, None)
    assert len(layout.erased_persons.read_text().splitlines()) == 1, "told twice, kept once"
    assert stat.S_IMODE(layout.erased_persons.stat().st_mode) == 0o600
    assert after.erased_through("u-1") == datetime(2026, 5, 20, tzinfo=UTC)
    assert after.erased_through("u-2") is None
    assert after.pseudonym("u-1") == after.pseudonymizer.pseudonym("u-1", 1) != before.pseudonym("u-1")
    assert after.pseudonym("u-2") == before.pseudonym("u-2")
    note_erasures(layout, [replace(erasure, receipt="r-2", through="2026-06-20T00:00:00+00:00")])
    again = load_persons(layout, None)
    assert again.pseudonym("u-1") == again.pseudonymizer.pseudonym("u-1", 2)
    assert again.erased_through("u-1") == datetime(2026, 6, 20, tzinfo=UTC)


def test_a_damaged_list_and_an_unfinished_erasure_stop_every_run(tmp_path: Path) -> None:
    layout = DataLayout(tmp_path)
    load_persons(layout, None)
    layout.erased_persons.write_text('{"tombstone": "x"}\n')
    with pytest.raises(PrivacyError, match="list of erased persons"):
        load_persons(layout, None)
    layout.erased_persons.unlink()
    layout.erasure_journal.write_text("{}")
    with pytest.raises(PrivacyError, match="erase --resume"):
        load_persons(layout, None)


def test_the_doctor_tells_what_is_wrong_with_the_key(tmp_path: Path) -> None:
    layout = make_healthy(tmp_path / "data")

    def told() -> str:
        (found,) = [finding for finding in examine(settings_of(layout)) if finding.check == "persons"]
        return f"{found.level}: {found.what}"

    assert told() == "ok: viewers are stored under pseudonyms"
    layout.pseudonym_key.chmod(0o644)
    assert told() == "broken: the key for pseudonyms cannot be used"
    layout.pseudonym_key.unlink()
    assert told() == "broken: the key for pseudonyms is not the one the warehouse was filled with"
    layout.warehouse.unlink()
    assert told() == "ok: viewers will be stored under pseudonyms; the first run makes the key"
    assert not layout.pseudonym_key.exists(), "the doctor changes nothing"
    layout.erasure_journal.write_text("{}")
    assert told() == "broken: an erasure is not finished"


@pytest.mark.parametrize(
    ("key", "filled_with", "is_filled", "what"),
    [
        ("a", "a", True, None),
        ("a", None, False, None),
        (None, None, False, None),
        ("a", None, True, "the warehouse holds persons by the ids they were delivered with"),
        ("a", "b", True, "the key for pseudonyms is not the one the warehouse was filled with"),
        (None, "b", True, "the key for pseudonyms is not the one the warehouse was filled with"),
    ],
)
def test_the_doctor_judges_the_key(key: str | None, filled_with: str | None, is_filled: bool, what: str | None) -> None:
    found = privacy.judge_key(key, filled_with, is_filled=is_filled, where="key")
    assert (found and found.what) == what
    assert found is None or found.level is Level.BROKEN
