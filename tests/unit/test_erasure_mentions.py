"""A person is found in delivered text however it is spelled, and nothing else is changed."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_project.contracts import feed_contracts
from dagster_project.erasure.landed_files import fields_of
from dagster_project.erasure.mentions import CsvMentions, Persons, without_persons

VIEWS = fields_of(feed_contracts()["views"])
UNLOCKS = fields_of(feed_contracts()["unlocks"])
TIKTOK = fields_of(feed_contracts()["unlocks"], "tiktok_trade_orders")
REVENUECAT = fields_of(feed_contracts()["topups"], "revenuecat_events")


def erased(line: str, text: str = "u-1", fields=VIEWS) -> str:
    return without_persons(line, fields, Persons({text: "T"}))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"viewer_id":"u-1"}', '{"viewer_id":"T"}'),
        ('{"viewer_id" : "u-1" , "event_id":"e"}\r\n', '{"viewer_id" : "T" , "event_id":"e"}\r\n'),
        (r'{"viewer_id":"u\u002d1"}', '{"viewer_id":"T"}'),
        ('{"viewer_id":"u-10"}', '{"viewer_id":"u-10"}'),
        ('{"viewer_id":"xu-1"}', '{"viewer_id":"xu-1"}'),
        ('{"event_id":"u-1","viewer_id":"u-2"}', '{"event_id":"u-1","viewer_id":"u-2"}'),
        ('{"viewer_id":"u-1","anon_id":"d-9"}', '{"viewer_id":"T","anon_id":"T"}'),
        ('{"viewer_id":"u-2","anon_id":"u-1"}', '{"viewer_id":"u-2","anon_id":"T"}'),
        ('{"viewer_id":"u-1","anon_id":null}', '{"viewer_id":"T","anon_id":null}'),
        ('{"viewer_id":"u-1","anon_id":""}', '{"viewer_id":"T","anon_id":""}'),
        ('{"user":{"id":"u-1"},"tags":["u-1","b"]}', '{"user":{"id":"T"},"tags":["T","b"]}'),
        ('{"viewer_id":"u-1","price":0.1000000000000000055}', '{"viewer_id":"T","price":0.1000000000000000055}'),
        ('{"viewer_id":"u-1","x', '{"viewer_id":"T","x'),
        ('"viewer_id": u-1', '"viewer_id": "T"'),
        ('\ufeff{"viewer_id":"u-1"}', '\ufeff{"viewer_id":"T"}'),
        ("not json u-1", 'not json "T"'),
    ],
)
def test_a_line_of_json(before: str, after: str) -> None:
    assert erased(before) == after


def test_a_number_that_reads_like_the_id_stays_where_it_is_no_person() -> None:
    line = '{"viewer_id":42,"position_ms":42,"episode_seq":42,"order":[1,2]}'
    assert erased(line, "42") == '{"viewer_id":"T","position_ms":42,"episode_seq":42,"order":[1,2]}'


def test_what_stands_in_a_text_within_the_line() -> None:
    payload = json.dumps({"user_openid": "u-1", "order": "u-1x"})
    line = json.dumps({"viewer_id": "u-1", "raw_payload": payload, "order_id": "o"})
    after = json.loads(erased(line, fields=UNLOCKS))
    assert after["viewer_id"] == "T"
    assert json.loads(after["raw_payload"]) == {"user_openid": "T", "order": "u-1x"}
    assert after["order_id"] == "o"


def test_platforms_own_records() -> None:
    content = json.dumps({"trade_order_id": "u-1", "note": "u-1"})
    line = json.dumps({"event": "e", "user_openid": "u-1", "content": content})
    after = json.loads(erased(line, fields=TIKTOK))
    assert after["user_openid"] == "T"
    assert json.loads(after["content"]) == {"trade_order_id": "u-1", "note": "T"}, "an order's number is no person"
    line = json.dumps({"event": {"app_user_id": "u-1", "original_app_user_id": "first", "product_id": "u-1"}})
    assert json.loads(erased(line, fields=REVENUECAT))["event"] == {
        "app_user_id": "T",
        "original_app_user_id": "T",
        "product_id": "u-1",
    }


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("u-1"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["viewer_id", "event_id", "extra", "position_ms"]), _VALUES), st.booleans())
def test_any_object_keeps_all_but_the_person(row: dict, is_ascii: bool) -> None:
    line = json.dumps(row, ensure_ascii=is_ascii)
    after = json.loads(erased(line))

    def expected(value, name=None):
        if isinstance(value, dict):
            return {key: expected(inner, key) for key, inner in value.items()}
        if isinstance(value, list):
            return [expected(inner, name) for inner in value]
        return "T" if value == "u-1" and (name or "").lower() not in VIEWS.others else value

    viewer = row.get("viewer_id")
    if isinstance(viewer, str | None) and not any(isinstance(value, list | dict) for value in row.values()):
        assert after == expected(row)
    else:  # a viewer may stand in a list; what names nobody is the same in any case
        assert json.dumps(after).count('"u-1"') <= json.dumps(row).count('"u-1"')
    if not any(name in row for name in VIEWS.others):
        assert '"u-1"' not in json.dumps(after).replace('"u-1":', "")


@pytest.mark.parametrize("text", ["u-1", "ключ", 'a"b', "a/b", "7412345678901234567", "\U0001f600"])
def test_every_spelling_is_found_fast(text: str) -> None:
    needles = Persons({text: "T"}).needles()
    spellings = [
        json.dumps({"viewer_id": text}),
        json.dumps({"viewer_id": text}, ensure_ascii=False),
        json.dumps({"content": json.dumps({"user_openid": text})}),
        json.dumps({"content": json.dumps({"user_openid": text}, ensure_ascii=False)}, ensure_ascii=False),
    ]
    table = io.StringIO()
    csv.writer(table).writerow(["x", text])
    for spelling in [*spellings, table.getvalue()]:
        assert any(needle in spelling.encode() for needle in needles), spelling
    for spelling in spellings:
        assert without_persons(spelling, TIKTOK if "content" in spelling else VIEWS, Persons({text: "T"})) != spelling


def records(text: str, drops: bool = False) -> tuple[str, list[int]]:
    """The text without u-1, and the numbers of the changed records' first lines."""
    reader = CsvMentions(VIEWS, Persons({"u-1": "T"}), drops=drops)
    found: list[str] = []
    changed: list[int] = []
    number = 0
    for number, line in enumerate(io.StringIO(text, newline=""), 1):
        for before, record, is_changed in reader.take(line):
            found.append(record)
            changed += [number - before] if is_changed else []
    for before, record, is_changed in reader.finish():
        found.append(record)
        changed += [number - before] if is_changed else []
    return "".join(found), changed


HEADER = "event_id,viewer_id,note,position_ms\r\n"


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ("a,u-1,,1\r\n", "a,T,,1\r\n", [2]),
        ("u-1,u-2,,1\n", "u-1,u-2,,1\n", []),
        ('a,"u-1","x, y",1\n', 'a,T,"x, y",1\n', [2]),
        ('a,u-1,"two\nlines",1\nb,u-1,,2\n', 'a,T,"two\nlines",1\nb,T,,2\n', [2, 4]),
        ('a,u-2,u-1,1\n"never closed,u-1,\nc,u-1,,3\n', 'a,u-2,T,1\n"never closed,T,\nc,T,,3\n', [2, 3, 4]),
        ("too,few,u-1\n\nb,u-3,,1\n", "too,few,T\n\nb,u-3,,1\n", [2]),
    ],
)
def test_records_of_a_csv_file(before: str, after: str, changed: list[int]) -> None:
    assert records(HEADER + before) == (HEADER + after, changed)


def test_a_link_is_left_out_whole() -> None:
    assert records(HEADER + "a,u-1,,1\nb,u-2,,2\n", drops=True) == (HEADER + "b,u-2,,2\n", [2])
