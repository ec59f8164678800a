"""Finds a person in delivered text and puts a token in place; every other byte stays as it was delivered.

A mention is a whole value that equals the id, in a field that names a person or that nobody has described. A value of
a described field that is no person's (a position, an order number) stays, also where it reads the same.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

_JSON_TOKEN = re.compile(r'"(?:[^"\\\r\n]|\\.)*"?|[^\s",:{}\[\]\ufeff]+')
_KEY_AHEAD = re.compile(r"\s*:")
_NO_VALUES = frozenset({"null", "true", "false", ""})
_DEVICES = frozenset({"anon_id", "idfa", "idfv", "device_id", "deviceid"})
_NESTED_LIMIT = 4


@dataclass(frozen=True)
class Fields:
    """What the fields of a file say.

    Attributes:
        persons: Names of fields that name a viewer or a device, in lower case.
        others: Names of the other described fields, in lower case.
    """

    persons: frozenset[str]
    others: frozenset[str]

    def names_viewer(self, name: str | None) -> bool:
        """True for persons, false for devices, which several persons may use."""
        return name in self.persons and name not in _DEVICES


@dataclass(frozen=True)
class Persons:
    """The ids to be erased and the token that takes the place of each."""

    tokens: Mapping[str, str]

    def needles(self) -> tuple[bytes, ...]:
        """Every spelling by which a file that mentions one of them can be found fast."""
        found: set[str] = set()
        for text in self.tokens:
            escaped = json.dumps(text)[1:-1]
            shouted = re.sub(r"\\u[0-9a-f]{4}", lambda match: "\\u" + match[0][2:].upper(), escaped)
            found |= {text, escaped, shouted, text.replace('"', '""'), text.replace("/", "\\/")}
            found |= {
                json.dumps(spelling)[1:-1] for spelling in (escaped, shouted, json.dumps(text, ensure_ascii=False))
            }
        return tuple(sorted(spelling.strip('"').encode("utf-8", "surrogatepass") for spelling in found))


def without_persons(line: str, fields: Fields, persons: Persons, depth: int = 0) -> str:
    """A line of JSON (also one that is cut or malformed) with tokens in place of persons.

    In a line of a viewer the ids of devices become the token too: with them the viewer could be found again.
    """
    owner = _owner(line, fields, persons)

    def replaced(name: str | None, token: str) -> str:
        if name in fields.others:
            return token
        text = _decoded(token)
        if text in persons.tokens:
            return f'"{persons.tokens[text]}"'
        if owner is not None and name in fields.persons and token not in _NO_VALUES and text:
            return f'"{owner}"'
        if depth < _NESTED_LIMIT and token.startswith('"') and any(mark in text for mark in ('"', "{", "[")):
            inner = without_persons(text, fields, persons, depth + 1)
            if inner != text:
                return json.dumps(inner, ensure_ascii=False)
        return token

    return _each_value(line, replaced)


def texts_in(line: str, depth: int = 0) -> set[str]:
    """Every value of a line, also of JSON within a text."""
    found: set[str] = set()

    def note(_: str | None, token: str) -> str:
        found.add(_decoded(token))
        return token

    _each_value(line, note)
    if depth < _NESTED_LIMIT:
        for text in [text for text in found if '"' in text]:
            found |= texts_in(text, depth + 1)
    return found


def _owner(line: str, fields: Fields, persons: Persons) -> str | None:
    """The token of the viewer the line is about, if it is one of these."""
    owners: list[str] = []

    def look(name: str | None, token: str) -> str:
        if fields.names_viewer(name):
            found = persons.tokens.get(_decoded(token))
            if found is not None:
                owners.append(found)
        return token

    _each_value(line, look)
    return owners[0] if owners else None


def _each_value(line: str, change: Callable[[str | None, str], str]) -> str:
    """The line with `change(name of the field in lower case, JSON text of the value)` for every value."""
    name: str | None = None
    parts: list[str] = []
    end = last = lists = 0
    for match in _JSON_TOKEN.finditer(line):
        token = match[0]
        between = line[last : match.start()]
        last = match.end()
        lists = max(0, lists + between.count("[") - between.count("]"))
        if token.startswith('"') and _KEY_AHEAD.match(line, match.end()):
            name = _decoded(token).lower()
            continue
        parts += [line[end : match.start()], change(name, token)]
        end = match.end()
        if not lists:
            name = None
    return "".join([*parts, line[end:]])


def _decoded(token: str) -> str:
    if not token.startswith('"'):
        return token
    if "\\" not in token:
        return token.strip('"')
    try:
        return str(json.loads(token, strict=False))
    except ValueError:
        return token.strip('"')


class CsvMentions:
    """The same for the records of a CSV file, fed line by line.

    Args:
        delimiters: Candidates; the one that stands most often in the header is it.
        headers: What a header (in lower case) means, where the file's owner names columns in its own way.
        drops: Leave a record that names the person out instead.
    """

    def __init__(
        self,
        fields: Fields,
        persons: Persons,
        *,
        delimiters: str = ",",
        headers: Mapping[str, str] | None = None,
        drops: bool = False,
    ) -> None:
        self._fields = fields
        self._persons = persons
        self._delimiters = delimiters
        self._delimiter = delimiters[0]
        self._headers = headers or {}
        self._drops = drops
        self._names: list[str] | None = None
        self._open: list[str] = []

    def take(self, line: str) -> list[tuple[int, str, bool]]:
        """Records that end with this line: (lines before this one where it began, text, whether it was changed)."""
        if self._open or line.count('"') % 2:
            self._open.append(line)
            joined = "".join(self._open)
            if joined.count('"') % 2 and len(joined) < 2 * 1024**2:
                return []
            lines, self._open = self._open, []
            if len(lines) > 1 and not joined.count('"') % 2 and (self._names is None or self._parsed(joined)):
                return [(len(lines) - 1, *self._record(joined))]
            return [(len(lines) - 1 - place, *self._record(text)) for place, text in enumerate(lines)]
        return [(0, *self._record(line))]

    def finish(self) -> list[tuple[int, str, bool]]:
        """What an open quote has left."""
        lines, self._open = self._open, []
        return [(len(lines) - 1 - place, *self._record(text)) for place, text in enumerate(lines)]

    def _parsed(self, text: str) -> list[str] | None:
        try:
            rows = list(csv.reader([text], strict=True, delimiter=self._delimiter))
        except csv.Error:
            return None
        return rows[0] if len(rows) == 1 and len(rows[0]) == len(self._names or ()) else None

    def _record(self, text: str) -> tuple[str, bool]:
        if self._names is None:
            if text.strip("\ufeff \t\r\n\v\f"):
                self._names = self._header(text)
            return text, False
        row = self._parsed(text)
        body = text.rstrip("\r\n")
        ending = text[len(body) :]
        if row is None:
            changed = self._delimiter.join(self._loose(part) for part in body.split(self._delimiter)) + ending
            return changed, changed != text
        after = self._fields_without(row)
        if after == row:
            return text, False
        if self._drops:
            return "", True
        out = io.StringIO()
        # Its own line end makes the writer quote fields that hold one; the record keeps the one it was delivered with.
        csv.writer(out, delimiter=self._delimiter, lineterminator="\r\n").writerow(after)
        return out.getvalue().removesuffix("\r\n") + ending, True

    def _header(self, text: str) -> list[str]:
        self._delimiter = max(self._delimiters, key=text.count)
        try:
            row = next(csv.reader([text.lstrip("\ufeff")], delimiter=self._delimiter))
        except csv.Error:
            row = text.lstrip("\ufeff").rstrip("\r\n").split(self._delimiter)
        names = [name.strip() for name in row]
        return [self._headers.get(name.lower(), name).lower() for name in names]

    def _fields_without(self, row: Sequence[str]) -> list[str]:
        names = self._names or []
        tokens = self._persons.tokens
        owner = next(
            (
                tokens[text]
                for name, text in zip(names, row, strict=True)
                if self._fields.names_viewer(name) and text in tokens
            ),
            None,
        )
        found = []
        for name, text in zip(names, row, strict=True):
            if name in self._fields.others:
                found.append(text)
            elif text in tokens:
                found.append(tokens[text])
            elif owner is not None and name in self._fields.persons and text.strip():
                found.append(owner)
            else:
                found.append(without_persons(text, self._fields, self._persons) if '"' in text else text)
        return found

    def _loose(self, part: str) -> str:
        """A part of a record whose fields cannot be told for sure."""
        bare = part.strip().strip('"')
        return self._persons.tokens.get(bare, part)
