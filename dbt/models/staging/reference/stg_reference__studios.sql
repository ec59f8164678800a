with

studios as (
    select * from {{ source('reference', 'studios') }}
),

renamed as (
    select
        studio_id,
        name,
        legal_name,
        country,
        payout_currency,
        timezone,
        locale
    from studios
)

select * from renamed
