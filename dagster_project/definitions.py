"""The only entry for Dagster: loads `defs/`; no logic."""

from dagster_project.defs import build_definitions

defs = build_definitions()
