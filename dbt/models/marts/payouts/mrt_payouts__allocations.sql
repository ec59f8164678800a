with

amounts as (
    select * from {{ ref('int_statement_amounts_allocated') }}
),

final as (
    select
        platform,
        statement_no,
        statement_version,
        series_id,
        component,
        activity_period,
        reason,
        narrowest_base,
        stream,
        region_entity,
        stage,
        allocation_basis,
        weight,
        amount_minor,
        currency
    from amounts
)

select * from final
