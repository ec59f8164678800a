with

lines as (
    select * from {{ ref('stg_ledger__lines') }}
),

final as (
    select
        line_id,
        statement_id,
        direction,
        party_id,
        contract_id,
        contract_version,
        series_id,
        activity_period,
        posted_period,
        stream,
        currency,
        line_type,
        reason,
        tier_no,
        base_minor,
        rate_ppm,
        posted_before_minor,
        restated_minor,
        amount_minor,
        source_statement,
        source_version,
        adjusts_line_id
    from lines
)

select * from final
