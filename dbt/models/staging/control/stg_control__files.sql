with

files as (
    select * from {{ source('control', 'files') }}
),

renamed as (
    select
        file_sha256,
        feed,
        file_name,
        size_bytes,
        lines_read,
        accepted,
        duplicate,
        conflict,
        rejected,
        blank,
        status,
        reason_code,
        detail,
        unknown_columns,
        ingested_at
    from files
)

select * from renamed
