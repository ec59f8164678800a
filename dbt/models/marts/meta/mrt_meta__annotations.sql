with

annotations as (
    select * from {{ ref('stg_reference__annotations') }}
),

final as (
    select
        row_number() over (
            order by
                annotations.kind,
                annotations.series_id,
                annotations.episode_seq,
                annotations.annotated_at,
                annotations.label
        ) as annotation_no,
        annotations.kind,
        annotations.series_id,
        annotations.episode_seq,
        annotations.annotated_at,
        annotations.label
    from annotations
)

select * from final
