"""How the amounts are rounded, what the statement does not cover, and the seal of the closed month."""

from dashboards.document import Block
from dashboards.statement.context import StatementContext
from dashboards.statement.tables import title_notes

ROUNDING = (
    "Base \u00d7 rate gives the pool of all parties of a contract; the amount is this payee\u2019s part of it. Both "
    "are kept contract to date and rounded to the smallest unit of the currency, ties away from zero (0.125 becomes "
    "0.13, \u22120.125 becomes \u22120.13); a month gets what the rounded total grew by, so a line may differ from "
    "base \u00d7 rate by one unit and the sum never does. Parts of one amount are split by the largest remainder and "
    "always add up."
)
SCOPE = (
    "Posted lines never change: what is learned later comes as a line of its own, on a later statement. A month below "
    "zero is carried into the next. Tax, currency conversion, reserves and minimum payments are settled at payment "
    "and are not part of this statement."
)


def small_print(context: StatementContext) -> Block:
    """The notes at the end."""
    seal = context.account.seal
    paragraphs = [
        {"head": "Rounding.", "text": ROUNDING},
        {"head": "Scope.", "text": SCOPE},
    ]
    if seal is not None:
        text = f"{context.account.month.name} is closed under {seal}."
        paragraphs.append({"head": "Chain hash.", "text": text})
    notes = title_notes(context)
    if notes:
        paragraphs.append({"head": "Names.", "text": " ".join(notes)})
    return Block("small-print", {"paragraphs": paragraphs})
