with

series as (
    select * from {{ source('reference', 'series') }}
),

renamed as (
    select
        series_id,
        studio_id,
        title,
        language,
        genre,
        total_episodes,
        {{ micros('production_budget') }} as production_budget_micros,
        budget_currency,
        owner
    from series
)

select * from renamed
