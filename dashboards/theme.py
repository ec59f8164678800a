"""The design tokens: colours, type sizes, line weights and page measures, each said once.

Colours were chosen for contrast on white (marks at least 3:1, text at least 4.5:1) and for distance under
simulated colour-vision deficiency; vermilion and grey meet in greyscale, so no mark relies on colour alone.
Lengths are millimetres where the name ends in `_MM`, points where it ends in `_PT`.
"""

from typing import Final

INK: Final = "#16202E"
MUTED: Final = "#5B6470"
AXIS: Final = "#8A93A0"
GRID: Final = "#DDE2E8"
TINT: Final = "#F4F6F8"
HATCH: Final = "#C3CAD3"
WHITE: Final = "#FFFFFF"

FOCUS: Final = "#1F66C7"
"""This studio, this week."""
LOSS: Final = "#BF4F0B"
"""Paywall, losses, discounted."""
GAIN: Final = "#0E4A3C"
"""Gains, money."""
CLIFFHANGER: Final = "#5E1A63"
CONTEXT: Final = "#757A84"
"""Benchmark marks; grey text uses MUTED."""

BAND_FOCUS: Final = "#D9E6F8"
BAND_LOSS: Final = "#F7E3D7"
BAND_CONTEXT: Final = "#E9EBEE"

BANNERS: Final = {
    "green": {"text": "#0B4F43", "fill": "#E8F3F0", "rule": "#0B4F43"},
    "amber": {"text": "#7A3E00", "fill": "#FFF4E5", "rule": "#BF4F0B"},
    "red": {"text": "#8A1C10", "fill": "#FDECEA", "rule": "#8A1C10"},
}

LINE_FOCUS_PT: Final = 1.8
LINE_PANEL_PT: Final = 1.5
LINE_BENCHMARK_PT: Final = 1.1
LINE_LAST_WEEK_PT: Final = 0.9
LAST_WEEK_DASH: Final = (3.0, 2.0)
RULE_PT: Final = 0.9
LEADER_PT: Final = 0.6
AXIS_PT: Final = 0.6
GRID_PT: Final = 0.5
HATCH_PT: Final = 0.6
MARKER_PT: Final = 5.0
DOT_PT: Final = 4.2

CHART_LABEL_PT: Final = 7.5
CHART_TICK_PT: Final = 7.5
CHART_SMALL_PT: Final = 7.0
CHART_MINIMUM_PT: Final = 6.5

FULL_WIDTH_MM: Final = 180.0
PANEL_GAP_MM: Final = 4.0
SPARKLINE_MM: Final = (30.0, 8.0)

PAGE: Final = {"height_mm": 297.0, "top_mm": 14.0, "side_mm": 15.0, "bottom_mm": 16.0}

TYPE: Final = {
    "h1": 17.0,
    "h2": 11.2,
    "h3": 8.8,
    "body": 8.8,
    "sub": 7.8,
    "meta": 7.1,
    "footer": 6.5,
    "tile": 14.5,
    "leading": 1.42,
}


def tokens() -> dict[str, object]:
    """The tokens the page templates need: colours as hex text, sizes in points, lengths in millimetres."""
    return {
        "ink": INK,
        "muted": MUTED,
        "axis": AXIS,
        "grid": GRID,
        "tint": TINT,
        "focus": FOCUS,
        "loss": LOSS,
        "gain": GAIN,
        "banners": BANNERS,
        "type": TYPE,
        "page": PAGE,
        "width_mm": FULL_WIDTH_MM,
    }
