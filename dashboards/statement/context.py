"""What every block of a statement is built from."""

from dataclasses import dataclass

from dashboards.figures.record import Figure, FigureRecord, Source
from dashboards.statement.account import LINES, Account, Balance, PostedLine
from dashboards.statement.amounts import amount, plain


@dataclass
class StatementContext:
    """One payee, one month, one record of figures."""

    account: Account
    record: FigureRecord

    def money(self, name: str, minor: int, currency: str, how: str, of: tuple[str, ...] = ()) -> str:
        """The amount with its currency, recorded as `name` and marked as printed."""
        return self.record.text(Figure(name, minor, amount(minor, currency), f"minor {currency}", how=how, of=of))

    def line_amount(self, line: PostedLine) -> str:
        """The amount of a posted line, read from its one cell."""
        return self.record.text(
            Figure(
                f"line.{line.line_id}",
                line.amount_minor,
                plain(line.amount_minor, line.currency),
                f"minor {line.currency}",
                sources=(Source(LINES, "amount_minor", {"line_id": line.line_id}),),
            )
        )

    def total(self, name: str, lines: list[PostedLine], currency: str) -> Figure:
        """The sum of posted lines, recorded but not yet printed."""
        minor = sum(line.amount_minor for line in lines)
        return self.record.add(
            Figure(
                name,
                minor,
                plain(minor, currency),
                f"minor {currency}",
                how="sum",
                sources=tuple(Source(LINES, "amount_minor", {"line_id": line.line_id}) for line in lines),
            )
        )

    def due(self, balance: Balance) -> str:
        """What the month comes to."""
        code = balance.currency
        return self.money(
            f"due.{code}",
            balance.due_minor,
            code,
            "posted lines of the month plus what was carried from months below zero",
            (f"posted.{code}", f"carried.{code}"),
        )
