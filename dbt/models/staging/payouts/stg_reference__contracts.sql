with

contracts as (
    select * from {{ source('reference', 'contracts') }}
),

renamed as (
    select
        contract_id,
        version as contract_version,
        direction,
        counterparty_id,
        series_id,
        stream,
        coalesce(surface, '*') as surface,
        replace(coalesce(territories, '*'), ' ', '') as territories,
        valid_from,
        valid_to,
        recorded_at,
        coalesce(amend_mode, 'RETROACTIVE') as amend_mode,
        currency,
        base,
        coalesce(tier_kind, 'MARGINAL') as tier_kind,
        coalesce(tier_window, 'LIFETIME') as tier_window,
        coalesce(split_mode, 'CUMULATIVE') as split_mode
    from contracts
)

select * from renamed
