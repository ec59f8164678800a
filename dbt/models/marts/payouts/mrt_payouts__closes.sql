with

periods as (
    select * from {{ ref('stg_ledger__periods') }}
),

final as (
    select
        posted_period,
        format_version,
        previous_hash,
        hash,
        line_count,
        closed_at
    from periods
)

select * from final
