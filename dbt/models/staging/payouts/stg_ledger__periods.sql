with

ledger_periods as (
    select * from {{ source('ledger', 'ledger_periods') }}
)

select * from ledger_periods
