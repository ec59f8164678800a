"""Places on a line, in percent of its width, for marks that the page draws itself."""

from collections.abc import Sequence

from dashboards.compare import Interval

_MARGIN = 4.0


class Scale:
    """Maps values onto 4 to 96 percent, the smallest to the left."""

    def __init__(self, values: Sequence[float]) -> None:
        self._low, self._high = min(values), max(values)

    def at(self, value: float) -> float:
        """Where the value lies."""
        reach = self._high - self._low
        share = (value - self._low) / reach if reach else 0.5
        return round(_MARGIN + (100 - 2 * _MARGIN) * min(max(share, 0.0), 1.0), 2)

    def bar(self, interval: Interval) -> dict[str, float]:
        """Left end and width of an interval."""
        left = self.at(interval.low)
        return {"left": left, "width": round(self.at(interval.high) - left, 2)}
