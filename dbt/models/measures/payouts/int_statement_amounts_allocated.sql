-- Every component of every live statement down to series: where the platform names one, there; else by weight.
with

components as (
    select * from {{ ref('int_statement_components_attributed') }}
),

segments as (
    select *
    from {{ ref('int_statement_segments_weighed') }}
    where direction = 'PAYABLE'
),

series_weights as (
    select
        platform,
        statement_no,
        statement_version,
        activity_period,
        series_id,
        sum(weight) as weight
    from segments
    group by platform, statement_no, statement_version, activity_period, series_id
),

-- Whatever belongs to no series has a place of its own in every split.
candidates as (
    select * from series_weights
    union all
    select distinct
        components.platform,
        components.statement_no,
        components.statement_version,
        components.activity_period,
        'UNATTRIBUTED' as series_id,
        0 as weight
    from components
    left join series_weights
        on components.platform = series_weights.platform
        and components.statement_no = series_weights.statement_no
        and components.statement_version = series_weights.statement_version
        and components.activity_period = series_weights.activity_period
        and series_weights.series_id = 'UNATTRIBUTED'
    where series_weights.series_id is null
),

pro_rata as (
    select
        components.platform,
        components.statement_no,
        components.statement_version,
        components.component,
        components.activity_period,
        components.reason,
        components.narrowest_base,
        components.amount_minor as component_minor,
        candidates.series_id,
        candidates.weight
    from components
    inner join candidates
        on components.platform = candidates.platform
        and components.statement_no = candidates.statement_no
        and components.statement_version = candidates.statement_version
        and components.activity_period = candidates.activity_period
    where components.named_series_id is null
),

{{ split_by_largest_remainder(
    name='by_series',
    rows='pro_rata',
    partition_by=['platform', 'statement_no', 'statement_version', 'component', 'activity_period', 'reason', 'narrowest_base'],
    total='component_minor',
    weight='weight',
    tie_break=['series_id'],
    amount='amount_minor',
) }},

placed as (
    select
        platform,
        statement_no,
        statement_version,
        component,
        activity_period,
        reason,
        narrowest_base,
        series_id,
        case
            when amount_minor is null and component_minor <> 0 then 'SUSPENSE'
            else 'PERIOD_WEIGHTS'
        end as allocation_basis,
        cast(weight as bigint) as weight,
        -- Without any weight there is nothing to go by: the amount waits in suspense and blocks the close.
        coalesce(amount_minor, case when series_id = 'UNATTRIBUTED' then component_minor else 0 end) as amount_minor
    from by_series
    union all
    select
        platform,
        statement_no,
        statement_version,
        component,
        activity_period,
        reason,
        narrowest_base,
        named_series_id as series_id,
        'DIRECT' as allocation_basis,
        cast(null as bigint) as weight,
        amount_minor
    from components
    where named_series_id is not null
),

final as (
    select
        placed.platform,
        placed.statement_no,
        placed.statement_version,
        placed.component,
        placed.activity_period,
        placed.reason,
        placed.narrowest_base,
        placed.series_id,
        placed.allocation_basis,
        statements.stream,
        statements.region_entity,
        statements.stage,
        placed.weight,
        cast(placed.amount_minor as bigint) as amount_minor,
        statements.currency
    from placed
    inner join {{ ref('fct_platform_statement') }} as statements
        on placed.platform = statements.platform
        and placed.statement_no = statements.statement_no
        and placed.statement_version = statements.statement_version
)

select * from final
