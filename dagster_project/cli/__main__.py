"""`python -m dagster_project.cli` is the `cliffhanger` command."""

from dagster_project.cli import main

main()
