"""What the ledger's codes are called on paper."""

STREAMS = {
    "iap_beans": "Coin sales",
    "iap_subscription": "Subscriptions",
    "iaa": "Ad share",
    "own_app": "Own apps",
    "licence": "Licence fee",
}
"""Kinds of revenue, in the order in which a statement lists them."""

_REASONS = {
    "IVT_SPAM": "invalid traffic",
    "TIER_RESTATE": "tier reached changed",
    "CONTRACT_AMENDMENT": "contract amended",
    "RESTATEMENT": "platform restated",
    "REFUND": "refunds",
    "CHARGEBACK": "chargebacks",
    "LATE_WEIGHTS": "late logs",
}
_BLOCKERS = {
    "part_of_minor_unit": "has a part of a cent",
    "does_not_add_up": "does not add up",
    "ends_before_it_starts": "ends before it starts",
    "no_period": "lies in no month of account",
    "no_activity": "has no activity to be shared by",
    "no_activity_of_named_series": "names a series without activity",
    "overlap": "overlaps another contract",
    "other_currency": "is in another currency than the revenue",
    "no_open_tier": "has no rate above its last tier",
}


def _spelt(code: str) -> str:
    return code.replace("_", " ").lower()


def stream(code: str) -> str:
    """`iaa` -> `Ad share`; a code without a name of its own is spelt out."""
    return STREAMS.get(code) or _spelt(code).capitalize()


def stream_order(code: str) -> tuple[int, str]:
    """Place of a kind of revenue on a statement."""
    known = list(STREAMS)
    return (known.index(code) if code in known else len(known), code)


def reason(code: str) -> str:
    """`IVT_SPAM` -> `invalid traffic`."""
    return _REASONS.get(code) or _spelt(code) or "no reason given"


def blocker(code: str) -> str:
    """What keeps a statement or contract from being closed, as the end of a sentence."""
    return _BLOCKERS.get(code) or f"is blocked: {_spelt(code)}"
