with

unknown_columns as (
    select * from {{ source('control', 'unknown_columns') }}
),

renamed as (
    select
        feed,
        file_sha256,
        column_name
    from unknown_columns
)

select * from renamed
