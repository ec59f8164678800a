with

annotation as (
    select * from {{ source('reference', 'annotation') }}
),

-- A mark that is listed twice is one mark.
renamed as (
    select distinct
        kind,
        series_id,
        episode_seq,
        annotation.at as annotated_at,
        label
    from annotation
)

select * from renamed
