-- The weights that count: those a close has frozen for its month, and the logs' own for months that are still open.
with

counted as (
    select * from {{ ref('int_activity_weights_counted') }}
),

frozen as (
    select * from {{ ref('stg_ledger__weights') }}
),

closed as (
    select * from {{ ref('stg_ledger__periods') }}
),

final as (
    select
        activity_period,
        platform,
        stream,
        time_zone,
        series_id,
        surface,
        country,
        activity_date,
        quantity,
        weight,
        true as is_frozen
    from frozen
    union all
    select
        counted.activity_period,
        counted.platform,
        counted.stream,
        counted.time_zone,
        counted.series_id,
        counted.surface,
        counted.country,
        counted.activity_date,
        counted.quantity,
        counted.weight,
        false as is_frozen
    from counted
    left join closed
        on counted.activity_period = closed.posted_period
    where closed.posted_period is null
)

select * from final
