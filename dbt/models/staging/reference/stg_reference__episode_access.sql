with

episode_access as (
    select * from {{ source('reference', 'episode_access') }}
),

renamed as (
    select
        series_id,
        episode_seq,
        surface,
        country,
        valid_from,
        valid_to,
        is_free,
        unlock_methods,
        price_tokens,
        token_type
    from episode_access
)

select * from renamed
