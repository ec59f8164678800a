"""What every block of the weekly report is built from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dashboards.figures.measures import Measures
from dashboards.figures.record import FigureRecord
from dashboards.figures.rows import TableRow
from dashboards.figures.week import StudioWeek


@dataclass
class WeeklyContext:
    """One studio, one week, one record. Blocks add the numbers behind their charts to `tables`, those
    worth reading again to `rows`.
    """

    week: StudioWeek
    record: FigureRecord
    tables: dict[str, Sequence[Mapping[str, object]]] = field(default_factory=dict)
    rows: list[TableRow] = field(default_factory=list)

    @property
    def measures(self) -> Measures:
        return Measures(self.week, self.record)
