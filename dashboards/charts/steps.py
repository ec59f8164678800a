"""Step lines over episodes: a tread for each episode, broken where one is missing, and the band around
them.
"""

from collections.abc import Sequence

from matplotlib.axes import Axes

from dashboards import theme
from dashboards.figures.curves import CurvePoint


def steps(points: Sequence[tuple[int, float]]) -> tuple[list[float], list[float]]:
    """A step line with the tread of episode k from k - 0.5 to k + 0.5; broken where an episode is missing."""
    xs: list[float] = []
    ys: list[float] = []
    for place, (episode, share) in enumerate(points):
        if place and episode != points[place - 1][0] + 1:
            xs.append(float("nan"))
            ys.append(float("nan"))
        xs += [episode - 0.5, episode + 0.5]
        ys += [share, share]
    return xs, ys


def band(axes: Axes, points: Sequence[CurvePoint]) -> None:
    """The 95% interval around a step line."""
    known = [(p.episode, p.estimate) for p in points if p.estimate is not None]
    xs, low = steps([(k, e.interval.low) for k, e in known])
    _, high = steps([(k, e.interval.high) for k, e in known])
    axes.fill_between(xs, low, high, color=theme.BAND_FOCUS, linewidth=0, zorder=2)
