"""Functions that mappings of native contracts may use: text in, text out, exact, null for no value.

A text that is not of the expected form comes back marked, never repaired, so that the rule of the column refuses it and
quarantine shows it.
"""

from __future__ import annotations

MACROS = (
    # Empty and white-space-only text is no value.
    "filled(value) as case when value is null or trim(value) = '' then null else value end",
    # A marked text passes no rule of a number, a time or a closed list.
    "unlike(kind, value) as 'not ' || kind || ': ' || value",
    # 1746144000 -> 2025-05-02T00:00:00.000000Z; years of five digits are outside every window.
    """moment_of_seconds(value) as case
        when value is null then null
        when regexp_full_match(value, '-?[0-9]{1,12}')
            then strftime(make_timestamp(value::bigint * 1000000), '%Y-%m-%dT%H:%M:%S.%fZ')
        else unlike('epoch seconds', value) end""",
    """moment_of_milliseconds(value) as case
        when value is null then null
        when regexp_full_match(value, '-?[0-9]{1,15}')
            then strftime(make_timestamp(value::bigint * 1000), '%Y-%m-%dT%H:%M:%S.%fZ')
        else unlike('epoch milliseconds', value) end""",
    # 2026-05-01 12:00:00.25, without an offset because the contract says it is UTC.
    """moment_of_utc_text(value) as case
        when value is null then null
        when regexp_full_match(value, '[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?')
            then replace(value, ' ', 'T') || 'Z'
        else unlike('a time in UTC', value) end""",
    """day_of(value, form) as case
        when value is null then null
        else coalesce(strftime(try_strptime(value, form), '%Y-%m-%d'), unlike('a day', value)) end""",
    # The moment a report of the UTC day of `value` is out, so many hours after the day's end.
    """after_utc_day(value, hours) as strftime(
        date_trunc('day', try_cast(left(value, 19) as timestamp)) + interval 1 day + to_hours(hours),
        '%Y-%m-%dT%H:%M:%SZ')""",
    # 12345 -> 0.012345
    """amount_of_micros(value) as case
        when value is null then null
        when regexp_full_match(value, '-?[0-9]{1,18}')
            then (value::decimal(18, 0) * 0.000001::decimal(6, 6))::decimal(24, 6)::varchar
        else unlike('whole micros', value) end""",
    # 12345 in hundred-thousandths -> 0.123450
    """amount_of_hundred_thousandths(value) as case
        when value is null then null
        when regexp_full_match(value, '-?[0-9]{1,17}')
            then (value::decimal(17, 0) * 0.00001::decimal(5, 5))::decimal(24, 6)::varchar
        else unlike('whole hundred-thousandths', value) end""",
    # A network's estimate with more digits than money has here: to the nearest micro, halves away from zero.
    """amount_to_micro(value) as case
        when value is null then null
        when regexp_full_match(value, '-?[0-9]{1,12}([.][0-9]{1,26})?([eE]-?[0-9]{1,2})?')
            then coalesce(
                round(try_cast(value as decimal(38, 26)), 6)::decimal(18, 6)::varchar, unlike('an amount', value)
            )
        else unlike('an amount', value) end""",
    # 1,234.50 -> 1234.50; only where the commas stand between thousands.
    """plain_amount(value) as case
        when regexp_full_match(value, '-?[0-9]{1,3}(,[0-9]{3})+([.][0-9]+)?') then replace(value, ',', '')
        else value end""",
    """negated(value) as case
        when value is null or regexp_full_match(value, '-?0([.]0*)?') then value
        when starts_with(value, '-') then substr(value, 2)
        else '-' || value end""",
    # Charges positive, refunds negative, however the platform signs them.
    "taken_back(value) as case when starts_with(value, '-') then value else negated(value) end",
    # The same content has the same id on every machine and in every delivery.
    "fingerprint(parts) as left(sha256(to_json(parts)::varchar), 40)",
    # A number from 1 to 1,000,000 that tells repeated steps of one order apart by their content.
    "step_number(parts) as (md5_number_lower(to_json(parts)::varchar) % 1000000 + 1)::varchar",
)


def create_macros() -> list[str]:
    """The statements that make the functions known to a connection."""
    return [f"create or replace temp macro {macro}" for macro in MACROS]
