"""Keyed pseudonyms of persons: the same id gives the same name in every feed, and without the key none leads back."""

from __future__ import annotations

import hmac

PREFIX = "p-"
_HEX_DIGITS = 32
"""128 bits: among 10^9 persons two share a pseudonym with a probability below 10^-20."""
_FINGERPRINT_DIGITS = 16


class Pseudonymizer:
    """HMAC-SHA-256 (RFC 2104, FIPS 180-4) under the operator's key, cut to 128 bits.

    A plain hash would not do: ids can be listed, and ten millions of them are hashed in seconds. The purposes are kept
    apart by a word before the text, so that a pseudonym never equals a tombstone of the same text.
    """

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __repr__(self) -> str:
        return f"Pseudonymizer({self.fingerprint})"

    def pseudonym(self, text: str, generation: int = 0) -> str:
        """`p-` and 32 hexadecimal digits.

        Args:
            generation: How often this person was erased before; each time makes another person of them.
        """
        purpose = "person" if generation == 0 else f"person {generation}"
        return PREFIX + self._digest(purpose, text)[:_HEX_DIGITS]

    def tombstone(self, text: str) -> str:
        """What is kept of an id that was erased: 64 hexadecimal digits that lead to none of its pseudonyms."""
        return self._digest("erased", text)

    @property
    def fingerprint(self) -> str:
        """Tells two keys apart and nothing about them: 16 hexadecimal digits."""
        return self._digest("key", "cliffhanger")[:_FINGERPRINT_DIGITS]

    def _digest(self, purpose: str, text: str) -> str:
        return hmac.digest(self._key, f"{purpose}\0{text}".encode("utf-8", "surrogatepass"), "sha256").hex()
