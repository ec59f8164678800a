with

contract_parties as (
    select * from {{ source('reference', 'contract_parties') }}
),

renamed as (
    select
        contract_id,
        version as contract_version,
        party_id,
        share_weight
    from contract_parties
)

select * from renamed
