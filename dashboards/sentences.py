"""Sentences that carry titles: parts stay apart until they are set, so that a title keeps its language."""

from collections.abc import Iterable

from dashboards.titles import Title

Sentence = tuple[str | Title, ...]


def plain(sentence: Sentence) -> str:
    """The sentence as one string."""
    return "".join(part if isinstance(part, str) else part.text for part in sentence)


def spans(sentence: Sentence) -> list[dict[str, str]]:
    """The sentence as runs of text for the page, each with the language of its words."""
    return [
        {"text": part, "lang": "en"} if isinstance(part, str) else {"text": part.text, "lang": part.language}
        for part in sentence
    ]


def joined(sentences: Iterable[Sentence]) -> Sentence:
    """Several sentences as one, with a blank between them."""
    parts: list[str | Title] = []
    for sentence in sentences:
        if parts:
            parts.append(" ")
        parts.extend(sentence)
    return tuple(parts)
