with

ledger_lines as (
    select * from {{ source('ledger', 'ledger_lines') }}
)

select * from ledger_lines
