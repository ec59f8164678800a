"""Taking a person out of everything that is kept: landing, reference tables, warehouse, quarantine, releases.

`mentions` finds a person in delivered text and puts a token in place, `landed_files` does so with whole files,
`journal` is what survives a kill, `erase` plans and carries out. Rows stay, the person leaves: every sum and count of
open and closed months is what it was.
"""

from dagster_project.erasure.erase import Plan, Receipt, carry_out, discard, prepare, resume

__all__ = ["Plan", "Receipt", "carry_out", "discard", "prepare", "resume"]
