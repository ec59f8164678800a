{%- set amounts = ['gross', 'refund', 'test', 'channel_fee', 'tax', 'platform_fee', 'adjustment', 'advance', 'true_up', 'settleable'] -%}
with

platform_statement as (
    select * from {{ source('raw', 'platform_statement') }}
),

renamed as (
    select
        platform,
        statement_no,
        version as statement_version,
        replaces_statement_no,
        stream,
        region_entity,
        period_start as starts_on,
        period_end as ends_on,
        coalesce(statement_tz, 'UTC') as time_zone,
        issued_on,
        status,
        {% for amount in amounts -%}
        {{ minor_units('coalesce(' ~ amount ~ ', 0)', 'currency') }} as {{ amount }}_minor,
        {% endfor -%}
        {% for amount in amounts -%}
        {{ 'or ' if not loop.first }}{{ has_part_of_minor_unit('coalesce(' ~ amount ~ ', 0)', 'currency') }}
        {% endfor -%}
        as has_part_of_minor_unit,
        currency
    from platform_statement
)

select * from renamed
