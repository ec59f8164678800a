with

episodes as (
    select * from {{ source('reference', 'episodes') }}
),

renamed as (
    select
        series_id,
        episode_seq,
        episode_id,
        title,
        duration_ms,
        published_ts as published_at,
        cliffhanger_label
    from episodes
)

select * from renamed
