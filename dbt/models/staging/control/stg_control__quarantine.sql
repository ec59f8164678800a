with

quarantine as (
    select * from {{ source('control', 'quarantine') }}
),

renamed as (
    select
        file_sha256,
        line_no,
        feed,
        file_name,
        reason_code,
        detail,
        raw_text,
        ingested_at
    from quarantine
)

select * from renamed
