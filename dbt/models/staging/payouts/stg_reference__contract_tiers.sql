with

contract_tiers as (
    select * from {{ source('reference', 'contract_tiers') }}
),

renamed as (
    select
        contract_id,
        version as contract_version,
        tier_no,
        upto_minor,
        rate_ppm
    from contract_tiers
)

select * from renamed
