-- Tiers with the limit each begins at, null for the first.
with

tiers as (
    select * from {{ ref('stg_reference__contract_tiers') }}
),

final as (
    select
        contract_id,
        contract_version,
        tier_no,
        lag(upto_minor) over (
            partition by contract_id, contract_version
            order by tier_no
        ) as above_minor,
        upto_minor,
        rate_ppm
    from tiers
)

select * from final
