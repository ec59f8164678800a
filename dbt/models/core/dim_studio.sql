with

studios as (
    select * from {{ ref('stg_reference__studios') }}
),

final as (
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

select * from final
