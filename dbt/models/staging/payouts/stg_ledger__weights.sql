with

ledger_weights as (
    select * from {{ source('ledger', 'ledger_weights') }}
)

select * from ledger_weights
