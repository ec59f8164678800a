"""Every failure a user can meet: what happened, where, why, and what to do about it."""

from __future__ import annotations


class CliffhangerError(Exception):
    """A failure that is explained in one paragraph and ends the command with `exit_code`.

    Args:
        what: What could not be done, a full clause without a final stop.
        where: File (with line), table or setting it concerns; empty when there is no place.
        why: The cause as far as it is known.
        fix: The next step for the reader.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", why: str = "", fix: str = "") -> None:
        self.what = what
        self.where = where
        self.why = why
        self.fix = fix
        super().__init__(self.paragraph())

    def paragraph(self) -> str:
        """The whole message on one line, ready to print."""
        head = f"{self.where}: {self.what}" if self.where else self.what
        sentences = [head, self.why, self.fix]
        return " ".join(f"{part.strip().rstrip('.')}." for part in sentences if part.strip())


class UsageError(CliffhangerError):
    """The command was asked for something that makes no sense."""

    exit_code = 2


class BlockedByChecks(CliffhangerError):
    """A blocking check failed: nothing was released."""

    exit_code = 3


class NothingToDo(CliffhangerError):
    """One thing was asked for and it is not there to do."""

    exit_code = 4


class PartlyDone(CliffhangerError):
    """Some of the work was done, some was not; the message says which."""

    exit_code = 5


class ContractError(CliffhangerError):
    """A contract file does not say what it must."""


class ReferenceDataError(CliffhangerError):
    """A reference table is missing or holds a value that cannot be read."""


class LandingFileError(CliffhangerError):
    """A landed file cannot be read at all."""


class WarehouseError(CliffhangerError):
    """The private warehouse cannot be opened, locked or written."""


class PrivacyError(CliffhangerError):
    """The key for pseudonyms cannot be used, or an erasure is not finished."""
