-- Entitlement of each contract, tier by tier. The exact entitlement adds up over the tier window and is rounded once per
-- month of activity; the lines inside the month are rounded to that sum.
{%- set window_keys = ['direction', 'contract_id', 'tier_window', 'stream', 'currency'] -%}
{%- set this_window = window_keys | join(', ') %}
with

bases as (
    select * from {{ ref('int_contract_bases_summed') }}
),

contracts as (
    select * from {{ ref('dim_contract') }}
),

tiers as (
    select * from {{ ref('int_contract_tiers_bounded') }}
),

steps as (
    select
        direction,
        contract_id,
        contract_version,
        tier_window,
        series_id,
        activity_period,
        stream,
        currency,
        sum(base_minor) as step_minor,
        {{ joined_text('statement_no', ['statement_no', 'statement_version']) }} as source_statement,
        {{ joined_text('cast(statement_version as string)', ['statement_no', 'statement_version']) }} as source_version
    from bases
    group by
        direction,
        contract_id,
        contract_version,
        tier_window,
        series_id,
        activity_period,
        stream,
        currency
),

cumulated as (
    select
        *,
        sum(step_minor) over (
            partition by {{ this_window }}
            order by activity_period, contract_version, series_id
            rows between unbounded preceding and current row
        ) as after_minor
    from steps
),

placed as (
    select
        cumulated.*,
        tiers.tier_no,
        tiers.rate_ppm,
        {{ base_in_tier('cumulated.after_minor - cumulated.step_minor', 'tiers.above_minor', 'tiers.upto_minor', 'contracts.tier_kind') }}
        as in_tier_before,
        {{ base_in_tier('cumulated.after_minor', 'tiers.above_minor', 'tiers.upto_minor', 'contracts.tier_kind') }} as in_tier_after
    from cumulated
    inner join contracts
        on cumulated.contract_id = contracts.contract_id
        and cumulated.contract_version = contracts.contract_version
    inner join tiers
        on cumulated.contract_id = tiers.contract_id
        and cumulated.contract_version = tiers.contract_version
),

-- In millionths of a minor unit. A negative base earns nothing: the hole refills by itself.
earned as (
    select
        *,
        in_tier_after - in_tier_before as base_minor,
        (
            case when in_tier_after > 0 then in_tier_after else 0 end
            - case when in_tier_before > 0 then in_tier_before else 0 end
        ) * cast(rate_ppm as {{ exact_integer() }}) as exact_millionths
    from placed
),

lines as (
    select *
    from earned
    where base_minor <> 0 or exact_millionths <> 0
),

months as (
    select
        {{ this_window }},
        activity_period,
        sum(exact_millionths) as month_millionths
    from lines
    group by {{ this_window }}, activity_period
),

cumulated_months as (
    select
        *,
        sum(month_millionths) over (
            partition by {{ this_window }}
            order by activity_period
            rows between unbounded preceding and current row
        ) as after_millionths
    from months
),

targets as (
    select
        {{ this_window }},
        activity_period,
        {{ rounded_quotient('after_millionths', 1000000) }}
        - ({{ rounded_quotient('(after_millionths - month_millionths)', 1000000) }}) as target_minor
    from cumulated_months
),

with_target as (
    select
        lines.*,
        targets.target_minor
    from lines
    inner join targets
        on {% for key in window_keys %}lines.{{ key }} = targets.{{ key }} and {% endfor -%}
        lines.activity_period = targets.activity_period
),

{{ round_to_target(
    name='rounded',
    rows='with_target',
    partition_by=window_keys + ['activity_period'],
    exact='exact_millionths',
    target='target_minor',
    tie_break=['contract_version', 'series_id', 'tier_no'],
    amount='entitlement_minor',
) }},

final as (
    select
        direction,
        contract_id,
        contract_version,
        tier_window,
        series_id,
        activity_period,
        stream,
        currency,
        tier_no,
        rate_ppm,
        cast(base_minor as bigint) as base_minor,
        entitlement_minor,
        source_statement,
        source_version
    from rounded
)

select * from final
