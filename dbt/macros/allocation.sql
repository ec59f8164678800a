{#
  Exact money. Amounts are whole minor units, weights whole numbers, rates millionths. At rest everything is BIGINT;
  inside these macros it is a wider integer, and the cast back raises an error rather than lose a unit. Nothing here
  divides: quotients are whole, and what is left over is dealt with by rule.
#}

{# Minor units in one unit of a currency (ISO 4217 exponents other than 2 are listed). #}
{% macro minor_units_in(currency) -%}
    case
        when {{ currency }} in ('JPY', 'KRW', 'VND', 'CLP', 'ISK', 'UGX') then 1
        when {{ currency }} in ('BHD', 'JOD', 'KWD', 'OMR', 'TND') then 1000
        else 100
    end
{%- endmacro %}

{# A decimal amount in minor units; see `has_part_of_minor_unit` for amounts that are not whole. #}
{% macro minor_units(amount, currency) -%}
    cast(cast({{ amount }} as decimal(38, 6)) * {{ minor_units_in(currency) }} as bigint)
{%- endmacro %}

{# True when a decimal amount is no whole number of minor units, so that `minor_units` has rounded it. #}
{% macro has_part_of_minor_unit(amount, currency) -%}
    cast({{ amount }} as decimal(38, 6)) * {{ minor_units_in(currency) }} <> {{ minor_units(amount, currency) }}
{%- endmacro %}

{# The nearest whole quotient of integers, ties away from zero; the divisor is positive. #}
{% macro rounded_quotient(dividend, divisor) -%}
    case
        when {{ dividend }} >= 0 then {{ whole_quotient('2 * (' ~ dividend ~ ') + ' ~ divisor, '2 * ' ~ divisor) }}
        else -{{ whole_quotient('-2 * (' ~ dividend ~ ') + ' ~ divisor, '2 * ' ~ divisor) }}
    end
{%- endmacro %}

{# The greatest whole number not above the quotient of integers; the divisor is positive. #}
{% macro floor_quotient(dividend, divisor) -%}
    case
        when {{ dividend }} >= 0 then {{ whole_quotient(dividend, divisor) }}
        else -{{ whole_quotient('-(' ~ dividend ~ ') + ' ~ divisor ~ ' - 1', divisor) }}
    end
{%- endmacro %}

{#
  Splits a total in proportion to weights so that the parts add up (largest remainder, Hamilton's method): the floor of
  every exact share, then one unit more for the largest remainders; ties go to the larger weight, then to the key that
  comes first bytewise. A negative total is the mirror of its absolute value.

  Arguments:
    name: the CTE to write; its rows are those of `rows` with the column `amount` added.
    rows: relation with one row per part; `total` is the same on all rows of a partition.
    partition_by: columns that tell one split from another.
    weight: whole number, never negative. Where all weights of a split are 0 the amounts are null.
    tie_break: the columns of the key, in order.

  A list of CTEs that ends in `name`.
#}
{% macro split_by_largest_remainder(name, rows, partition_by, total, weight, tie_break, amount) -%}
{%- set split = partition_by | join(', ') -%}
{{ name }}_weighed as (
    select
        *,
        abs(cast({{ total }} as {{ exact_integer() }})) as {{ name }}_size,
        cast({{ weight }} as {{ exact_integer() }}) as {{ name }}_weight,
        sum(cast({{ weight }} as {{ exact_integer() }})) over (partition by {{ split }}) as {{ name }}_whole
    from {{ rows }}
),

{{ name }}_shared as (
    select
        *,
        {{ whole_quotient(name ~ '_size * ' ~ name ~ '_weight', 'nullif(' ~ name ~ '_whole, 0)') }} as {{ name }}_floor,
        ({{ name }}_size * {{ name }}_weight) % nullif({{ name }}_whole, 0) as {{ name }}_remainder
    from {{ name }}_weighed
),

{{ name }}_ranked as (
    select
        *,
        row_number() over (
            partition by {{ split }}
            order by {{ name }}_remainder desc, {{ name }}_weight desc, {{ tie_break | join(', ') }}
        ) as {{ name }}_rank,
        {{ name }}_size - sum({{ name }}_floor) over (partition by {{ split }}) as {{ name }}_left
    from {{ name }}_shared
),

{{ name }} as (
    select
        *,
        cast(
            case when {{ total }} < 0 then -1 else 1 end
            * ({{ name }}_floor + case when {{ name }}_rank <= {{ name }}_left then 1 else 0 end) as bigint
        ) as {{ amount }}
    from {{ name }}_ranked
)
{%- endmacro %}

{#
  Rounds exact parts to whole numbers that add up to a target, each within one unit of its exact value: the floors are
  raised by one in order of their fractions, largest first, ties to the key that comes first.

  Arguments:
    name, rows, partition_by, amount: as for `split_by_largest_remainder`.
    exact: the exact part as a whole number of millionths.
    target: the sum to reach; it is the rounded sum of the parts, or within one unit of it.
    tie_break: the columns of the key, in order.
#}
{% macro round_to_target(name, rows, partition_by, exact, target, tie_break, amount) -%}
{%- set split = partition_by | join(', ') -%}
{{ name }}_floored as (
    select
        *,
        {{ floor_quotient(exact, 1000000) }} as {{ name }}_floor
    from {{ rows }}
),

{{ name }}_ranked as (
    select
        *,
        row_number() over (
            partition by {{ split }}
            order by {{ exact }} - {{ name }}_floor * 1000000 desc, {{ tie_break | join(', ') }}
        ) as {{ name }}_rank,
        {{ target }} - sum({{ name }}_floor) over (partition by {{ split }}) as {{ name }}_left
    from {{ name }}_floored
),

{{ name }} as (
    select
        *,
        cast({{ name }}_floor + case when {{ name }}_rank <= {{ name }}_left then 1 else 0 end as bigint) as {{ amount }}
    from {{ name }}_ranked
)
{%- endmacro %}

{# The part of a cumulative base that lies in a tier; a negative base stays in the first. Limits that are null are none. #}
{% macro base_in_tier(base, lower, upper, tier_kind) -%}
    case
        when {{ tier_kind }} = 'WHOLE' and ({{ upper }} is null or {{ base }} <= {{ upper }}) and ({{ lower }} is null or {{ base }} > {{ lower }})
            then {{ base }}
        when {{ tier_kind }} = 'WHOLE' then 0
        when {{ lower }} is not null and {{ base }} <= {{ lower }} then 0
        when {{ upper }} is not null and {{ base }} > {{ upper }} then {{ upper }} - coalesce({{ lower }}, 0)
        else {{ base }} - coalesce({{ lower }}, 0)
    end
{%- endmacro %}

{# The calendar date of a moment in an IANA time zone; null when there is no such zone. #}
{% macro local_date(moment, time_zone) -%}
    {{ return(flavour('local_date')(moment, time_zone)) }}
{%- endmacro %}

{% macro default__local_date(moment, time_zone) -%}
    try(cast(timezone({{ time_zone }}, {{ moment }}) as date))
{%- endmacro %}

{% macro spark__local_date(moment, time_zone) -%}
    cast(from_utc_timestamp({{ moment }}, {{ time_zone }}) as date)
{%- endmacro %}

{# The month of a date, YYYY-MM. #}
{% macro month_of(day) -%}
    substr(cast({{ day }} as string), 1, 7)
{%- endmacro %}

{# Texts of a group joined by `;` in an order of their own. #}
{% macro joined_text(value, order_by) -%}
    {{ return(flavour('joined_text')(value, order_by)) }}
{%- endmacro %}

{% macro default__joined_text(value, order_by) -%}
    string_agg({{ value }}, ';' order by {{ order_by | join(', ') }})
{%- endmacro %}

{% macro spark__joined_text(value, order_by) -%}
    listagg({{ value }}, ';') within group (order by {{ order_by | join(', ') }})
{%- endmacro %}

{# The platform whose statements cover a surface; null for the operator's own apps. #}
{% macro platform_of(surface) -%}
    case when {{ surface }} in ('tiktok_minis', 'tiktok_drama_center') then 'tiktok' end
{%- endmacro %}

{# The columns of a platform statement that make up its settleable amount, each with its sign. #}
{% macro statement_components() -%}
    {{ return({'gross': 1, 'refund': -1, 'test': -1, 'channel_fee': -1, 'tax': -1, 'platform_fee': -1, 'adjustment': 1}) }}
{%- endmacro %}

{#
  The base an amount belongs to, as the first of three nested bases: `gross` is revenue that was real, `net_of_ivt` takes
  off what was corrected later, `net_of_platform_fee` fees and taxes too. Money on account belongs to none.
#}
{% macro narrowest_base(component) -%}
    case
        when {{ component }} in ('gross', 'refund', 'test') then 'gross'
        when {{ component }} in ('adjustment', 'true_up') then 'net_of_ivt'
        when {{ component }} in ('channel_fee', 'tax', 'platform_fee') then 'net_of_platform_fee'
        else 'none'
    end
{%- endmacro %}

{#
  Test: the parts of each group add up to their whole, so that nothing is lost or made. The whole stands on every row of the
  group, or in another model under the same key.
#}
{% test parts_add_up(model, columns, part, whole, whole_from=none, whole_condition='true') %}
with

parts as (
    select
        {{ columns | join(', ') }},
        sum({{ part }}) as parts_sum
    from {{ model }}
    group by {{ columns | join(', ') }}
),

wholes as (
    select
        {{ columns | join(', ') }},
        {{ whole }} as whole
    from {{ whole_from or model }}
    where {{ whole_condition }}
)

select
    {% for column in columns -%}
    coalesce(parts.{{ column }}, wholes.{{ column }}) as {{ column }},
    {% endfor -%}
    parts.parts_sum,
    wholes.whole
from parts
full outer join wholes
    on {% for column in columns %}parts.{{ column }} = wholes.{{ column }}{{ ' and ' if not loop.last }}{% endfor %}
where parts.parts_sum is null or wholes.whole is null or parts.parts_sum <> wholes.whole
{% endtest %}
