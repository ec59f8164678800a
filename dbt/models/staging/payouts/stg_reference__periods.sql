with

periods as (
    select * from {{ source('reference', 'periods') }}
),

renamed as (
    select
        platform,
        stream,
        period,
        substr(period, 1, 7) as activity_period,
        starts_on,
        ends_on,
        coalesce(tz, 'UTC') as time_zone
    from periods
)

select * from renamed
