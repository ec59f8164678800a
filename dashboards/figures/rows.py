"""Rows of the report's table: the figures of its charts once more, in words and with their intervals."""

from dataclasses import dataclass

from dashboards.sentences import Sentence


@dataclass(frozen=True)
class TableRow:
    """One row. Texts are those of figures in the record; an empty one has nothing to say.

    Minor rows go first for want of room.
    """

    group: str
    measure: Sentence
    value: str
    interval: str = ""
    compared: str = ""
    base: str = ""
    is_minor: bool = False
