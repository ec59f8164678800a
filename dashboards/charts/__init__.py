"""Charts, drawn at print size as SVG with live text. A chart takes figures and returns a `Chart`; it reads
nothing.
"""
