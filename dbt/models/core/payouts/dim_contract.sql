with

contracts as (
    select * from {{ ref('stg_reference__contracts') }}
),

with_first_version as (
    select
        *,
        min(contract_version) over (partition by contract_id) as first_version,
        min(valid_from) over (partition by contract_id) as anchored_on,
        lead(valid_from) over (
            partition by contract_id
            order by contract_version
        ) as next_valid_from
    from contracts
),

-- A prospective amendment changes nothing before it was recorded.
with_start as (
    select
        *,
        case
            when amend_mode = 'PROSPECTIVE' and contract_version > first_version and recorded_at is not null
                then greatest(valid_from, {{ utc_date('recorded_at') }})
            else valid_from
        end as effective_from
    from with_first_version
),

with_successor as (
    select
        *,
        min(effective_from) over (
            partition by contract_id
            order by contract_version
            rows between 1 following and unbounded following
        ) as superseded_from
    from with_start
),

-- A version holds until its own end or until a later one takes over; where the next follows without a gap, until it does.
final as (
    select
        contract_id,
        contract_version,
        direction,
        counterparty_id,
        series_id,
        stream,
        surface,
        territories,
        valid_from,
        valid_to,
        effective_from,
        case
            when superseded_from is null then valid_to
            when valid_to is null or valid_to >= next_valid_from then superseded_from
            else least(valid_to, superseded_from)
        end as effective_to,
        anchored_on,
        recorded_at,
        amend_mode,
        currency,
        base,
        tier_kind,
        tier_window,
        split_mode
    from with_successor
)

select * from final
