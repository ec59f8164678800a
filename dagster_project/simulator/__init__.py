"""Worlds with planted truth, written as real log files: what the warehouse is held against.

Nothing here imports the rest of the project, so that a changed formula there cannot change the truth here.
"""

from dagster_project.simulator.parameters import WorldParameters, parse_overrides
from dagster_project.simulator.world import WorldSummary, write_world

__all__ = ["WorldParameters", "WorldSummary", "parse_overrides", "write_world"]
