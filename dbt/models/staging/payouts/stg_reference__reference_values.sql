with

reference_value as (
    select * from {{ source('reference', 'reference_value') }}
),

renamed as (
    select
        kind,
        surface,
        country,
        valid_from,
        valid_to,
        micros_usd
    from reference_value
)

select * from renamed
