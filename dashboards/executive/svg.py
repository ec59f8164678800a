"""Charts as parts of a web page."""

import re

from markupsafe import Markup, escape

from dashboards.document import Chart

_ID = re.compile(r'\bid="([^"]+)"')


def inline(chart: Chart, key: str) -> Markup:
    """The chart as an `<svg>` that scales with its place; ids carry `key`, so that no two charts share one."""
    svg = chart.svg[chart.svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    opening, rest = svg.split(">", 1)
    opening = re.sub(r'\s(?:width|height)="[^"]*"', "", opening)
    opening += f' role="img" aria-label="{escape(chart.alt)}"'
    whole = f"{opening}>{rest}"
    for name in set(_ID.findall(whole)):
        whole = whole.replace(f'id="{name}"', f'id="{key}-{name}"')
        whole = whole.replace(f"url(#{name})", f"url(#{key}-{name})").replace(
            f'href="#{name}"', f'href="#{key}-{name}"'
        )
    # Text in it was escaped when the chart was drawn.
    return Markup(whole)
