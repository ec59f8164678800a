with

lines as (
    select * from {{ ref('int_contract_lines_rounded') }}
),

contracts as (
    select * from {{ ref('dim_contract') }}
),

named_parties as (
    select * from {{ ref('stg_reference__contract_parties') }}
),

-- A contract that names no parties pays its counterparty.
parties as (
    select
        contract_id,
        contract_version,
        party_id,
        share_weight
    from named_parties
    union all
    select
        contracts.contract_id,
        contracts.contract_version,
        contracts.counterparty_id as party_id,
        1 as share_weight
    from contracts
    left join named_parties
        on contracts.contract_id = named_parties.contract_id
        and contracts.contract_version = named_parties.contract_version
    where named_parties.contract_id is null
),

-- Versions that share alike draw on one pool, so that each party stays within a minor unit of its share for life.
pools as (
    select
        contract_id,
        contract_version,
        {{ joined_text("party_id || ':' || cast(share_weight as string)", ['party_id']) }} as pool
    from parties
    group by contract_id, contract_version
),

pooled as (
    select
        lines.*,
        contracts.split_mode || ' ' || pools.pool
        || case when contracts.split_mode = 'PER_STATEMENT' then ' ' || lines.activity_period else '' end as pool
    from lines
    inner join contracts
        on lines.contract_id = contracts.contract_id
        and lines.contract_version = contracts.contract_version
    inner join pools
        on lines.contract_id = pools.contract_id
        and lines.contract_version = pools.contract_version
),

cumulated as (
    select
        *,
        row_number() over (
            partition by direction, contract_id, stream, currency, pool
            order by activity_period, contract_version, tier_window, series_id, tier_no
        ) as line_no,
        sum(entitlement_minor) over (
            partition by direction, contract_id, stream, currency, pool
            order by activity_period, contract_version, tier_window, series_id, tier_no
            rows between unbounded preceding and current row
        ) as after_minor
    from pooled
),

shares as (
    select
        cumulated.*,
        cumulated.after_minor - cumulated.entitlement_minor as before_minor,
        parties.party_id,
        parties.share_weight
    from cumulated
    inner join parties
        on cumulated.contract_id = parties.contract_id
        and cumulated.contract_version = parties.contract_version
),

{{ split_by_largest_remainder(
    name='given_after',
    rows='shares',
    partition_by=['direction', 'contract_id', 'stream', 'currency', 'pool', 'line_no'],
    total='after_minor',
    weight='share_weight',
    tie_break=['party_id'],
    amount='party_after_minor',
) }},

{{ split_by_largest_remainder(
    name='given_before',
    rows='given_after',
    partition_by=['direction', 'contract_id', 'stream', 'currency', 'pool', 'line_no'],
    total='before_minor',
    weight='share_weight',
    tie_break=['party_id'],
    amount='party_before_minor',
) }},

final as (
    select
        direction,
        contract_id,
        contract_version,
        tier_window,
        party_id,
        series_id,
        activity_period,
        stream,
        currency,
        tier_no,
        rate_ppm,
        share_weight,
        base_minor,
        entitlement_minor,
        cast(party_after_minor - party_before_minor as bigint) as amount_minor,
        source_statement,
        source_version
    from given_before
)

select * from final
