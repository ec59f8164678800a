"""Speed and memory against plain DuckDB, measured as ratios in one run; no part of the tests' verdict.

What belongs here: what is measured (`measured_steps`, one process each), the peers it is measured against (`read_json`
and `sql/`), and how figures are taken and shown. `python -m benchmarks` runs it all; README.md says how to read it.
"""
