"""Identity of the code that computes the figures: when it changes, everything is computed anew."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def code_fingerprint(project_root: Path) -> str:
    """sha-256 over the SQL, contracts and inference code that released figures depend on."""
    digest = hashlib.sha256()
    for path in _sources(project_root):
        digest.update(f"{path.relative_to(project_root)}\n".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _sources(root: Path) -> Iterable[Path]:
    dbt = root / "dbt"
    package = root / "dagster_project"
    patterns = (
        (dbt, ("dbt_project.yml", "models/**/*", "macros/**/*", "seeds/**/*")),
        (package, ("contracts/**/*.yaml", "inference/**/*.py", "storage/release.py")),
    )
    found = {path for base, globs in patterns for pattern in globs for path in base.glob(pattern) if path.is_file()}
    return sorted(found)
