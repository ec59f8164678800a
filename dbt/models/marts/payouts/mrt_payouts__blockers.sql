with

statements as (
    select * from {{ ref('fct_platform_statement') }}
),

amounts as (
    select *
    from {{ ref('int_statement_amounts_allocated') }}
    where stage = 'CONFIRMED'
),

segments as (
    select * from {{ ref('int_statement_segments_weighed') }}
),

bases as (
    select * from {{ ref('int_contract_bases_summed') }}
),

contracts as (
    select * from {{ ref('dim_contract') }}
),

tiers as (
    select * from {{ ref('stg_reference__contract_tiers') }}
),

last_tiers as (
    select
        contracts.contract_id,
        contracts.contract_version,
        count(tiers.tier_no) as tier_count,
        max(case when tiers.upto_minor is null then tiers.tier_no end) as open_tier_no,
        max(tiers.tier_no) as last_tier_no
    from contracts
    left join tiers
        on contracts.contract_id = tiers.contract_id
        and contracts.contract_version = tiers.contract_version
    group by contracts.contract_id, contracts.contract_version
),

found as (
    select
        'statement' as kind,
        problem as reason,
        platform || ' ' || statement_no || ' version ' || cast(statement_version as string) as subject
    from statements
    where stage = 'CONFIRMED' and problem is not null
    union
    select
        'statement' as kind,
        'no_activity' as reason,
        platform || ' ' || statement_no || ' version ' || cast(statement_version as string) || ', ' || activity_period as subject
    from amounts
    where allocation_basis = 'SUSPENSE'
    union
    select
        'statement' as kind,
        'no_activity_of_named_series' as reason,
        amounts.platform || ' ' || amounts.statement_no || ' version ' || cast(amounts.statement_version as string)
        || ', ' || amounts.series_id || ' in ' || amounts.activity_period as subject
    from amounts
    left join segments
        on amounts.platform = segments.platform
        and amounts.statement_no = segments.statement_no
        and amounts.statement_version = segments.statement_version
        and amounts.activity_period = segments.activity_period
        and amounts.series_id = segments.series_id
        and segments.weight > 0
    where amounts.allocation_basis = 'DIRECT' and segments.series_id is null
    union
    select
        'contract' as kind,
        'overlap' as reason,
        contract_id || ' version ' || cast(contract_version as string) || ', ' || series_id || ' in ' || activity_period as subject
    from segments
    where holding_count > 1 and contract_id is not null
    union
    select
        'contract' as kind,
        'other_currency' as reason,
        bases.contract_id || ' version ' || cast(bases.contract_version as string) || ', ' || bases.statement_no as subject
    from bases
    inner join contracts
        on bases.contract_id = contracts.contract_id
        and bases.contract_version = contracts.contract_version
    where bases.currency <> contracts.currency
    union
    select
        'contract' as kind,
        'no_open_tier' as reason,
        bases.contract_id || ' version ' || cast(bases.contract_version as string) as subject
    from bases
    inner join last_tiers
        on bases.contract_id = last_tiers.contract_id
        and bases.contract_version = last_tiers.contract_version
    where last_tiers.open_tier_no is null or last_tiers.open_tier_no <> last_tiers.last_tier_no
),

final as (
    select
        kind,
        reason,
        subject
    from found
)

select * from final
