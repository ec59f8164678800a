"""TikTok sends the order as JSON within a JSON string, at times as a string within a string."""

from __future__ import annotations


def unwrap(record: str) -> str:
    """SQL of the webhook with `content` as the object it stands for; unchanged where it stands for none.

    Args:
        record: Expression of the webhook body, a JSON object.
    """
    once = f"json_extract_string({record}, '$.content')"
    twice = f"json_extract_string({once}, '$')"
    content = f"""case
        when json_type({record}, '$.content') = 'OBJECT' then {record}->'$.content'
        when not coalesce(json_valid({once}), false) then null
        when json_type({once}) = 'OBJECT' then {once}::json
        when json_type({once}) = 'VARCHAR' and coalesce(json_valid({twice}), false) then {twice}::json end"""
    # A patch merges objects: the text must go first.
    return f"json_merge_patch({record}, '{{\"content\": null}}', json_object('content', try({content})))"
