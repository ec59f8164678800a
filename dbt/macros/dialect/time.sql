{# Whole microseconds from `earlier` to `later`; negative when they are the other way round. #}
{% macro microseconds_between(earlier, later) -%}
    {{ return(flavour('microseconds_between')(earlier, later)) }}
{%- endmacro %}

{% macro default__microseconds_between(earlier, later) -%}
    (epoch_us({{ later }}) - epoch_us({{ earlier }}))
{%- endmacro %}

{% macro spark__microseconds_between(earlier, later) -%}
    (unix_micros({{ later }}) - unix_micros({{ earlier }}))
{%- endmacro %}

{# The UTC calendar date of a moment, whatever the session's time zone. #}
{% macro utc_date(moment) -%}
    {{ return(flavour('utc_date')(moment)) }}
{%- endmacro %}

{% macro default__utc_date(moment) -%}
    cast(timezone('UTC', {{ moment }}) as date)
{%- endmacro %}

{% macro spark__utc_date(moment) -%}
    cast(convert_timezone(current_timezone(), 'UTC', cast({{ moment }} as timestamp_ntz)) as date)
{%- endmacro %}

{# The Monday of a date's week. #}
{% macro monday_of(day) -%}
    cast(date_trunc('week', {{ day }}) as date)
{%- endmacro %}

{# Whole days from `earlier` to `later`, both dates. #}
{% macro days_between(earlier, later) -%}
    {{ return(flavour('days_between')(earlier, later)) }}
{%- endmacro %}

{% macro default__days_between(earlier, later) -%}
    date_diff('day', {{ earlier }}, {{ later }})
{%- endmacro %}

{% macro spark__days_between(earlier, later) -%}
    datediff({{ later }}, {{ earlier }})
{%- endmacro %}

{# A date so many days later. #}
{% macro add_days(day, days) -%}
    {{ return(flavour('add_days')(day, days)) }}
{%- endmacro %}

{% macro default__add_days(day, days) -%}
    cast({{ day }} + cast({{ days }} as integer) as date)
{%- endmacro %}

{% macro spark__add_days(day, days) -%}
    date_add({{ day }}, cast({{ days }} as int))
{%- endmacro %}

{# Midnight UTC at the start of a date, as a moment. #}
{% macro start_of_day(day) -%}
    {{ return(flavour('start_of_day')(day)) }}
{%- endmacro %}

{% macro default__start_of_day(day) -%}
    timezone('UTC', cast({{ day }} as timestamp))
{%- endmacro %}

{% macro spark__start_of_day(day) -%}
    cast(concat(cast({{ day }} as string), 'T00:00:00Z') as timestamp)
{%- endmacro %}

{# The type of a moment. #}
{% macro moment_type() -%}
    {{ return(flavour('moment_type')()) }}
{%- endmacro %}

{% macro default__moment_type() -%}timestamptz{%- endmacro %}

{% macro spark__moment_type() -%}timestamp{%- endmacro %}
