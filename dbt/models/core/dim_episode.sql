with

episodes as (
    select * from {{ ref('stg_reference__episodes') }}
),

final as (
    select
        series_id,
        episode_seq,
        title,
        duration_ms,
        published_at,
        cliffhanger_label
    from episodes
)

select * from final
