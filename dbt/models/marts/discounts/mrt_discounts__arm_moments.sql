{%- set covariates = {'watch': 'watch_seconds', 'spend': 'spend_micros', 'unseen': 'is_unseen'} -%}
{#- A sum of products of whole numbers outgrows 64 bits long before a million viewers. -#}
{%- macro product_sum(first, second) -%}
    cast(coalesce(sum(cast({{ first }} as decimal(19, 0)) * cast({{ second }} as decimal(19, 0))), 0) as decimal(38, 0))
{%- endmacro -%}
with

exposures as (
    select * from {{ ref('int_discount_exposures') }}
),

arms as (
    select * from {{ ref('int_discount_arms') }}
),

outcomes as (
    select * from {{ ref('int_discount_outcomes') }}
),

clock as (
    select as_of
    from {{ ref('int_feed_as_of') }}
    where feed = 'unlocks'
),

horizons as (
    select horizon_days
    from {{ number_list(var('uplift_horizon_days', [7, 28]), 'listed', 'horizon_days') }}
),

metrics as (
    select metric
    from (values ('conversion'), ('net_revenue'), ('paid_units')) as listed (metric)
),

segments as (
    select distinct
        experiment_id,
        surface as segment
    from exposures
    union all
    select distinct
        experiment_id,
        'all' as segment
    from exposures
),

exposed as (
    select
        exposures.experiment_id,
        exposures.arm,
        segments.segment,
        count(*) as n_exposed
    from exposures
    inner join segments
        on exposures.experiment_id = segments.experiment_id
        and (segments.segment = 'all' or segments.segment = exposures.surface)
    group by exposures.experiment_id, exposures.arm, segments.segment
),

measured as (
    select
        outcomes.*,
        segments.segment,
        metrics.metric,
        case
            when metrics.metric = 'conversion' then outcomes.conversion
            when metrics.metric = 'net_revenue' then outcomes.net_revenue_micros
            when metrics.metric = 'paid_units' then outcomes.paid_units
        end as outcome
    from outcomes
    cross join metrics
    inner join segments
        on outcomes.experiment_id = segments.experiment_id
        and (segments.segment = 'all' or segments.segment = outcomes.surface)
),

summed as (
    select
        experiment_id,
        arm,
        metric,
        horizon_days,
        segment,
        count(*) as viewer_n,
        sum(outcome) as outcome_sum,
        {{ product_sum('outcome', 'outcome') }} as outcome_sum_sq,
        {%- for name, column in covariates.items() %}
        sum({{ column }}) as {{ name }}_sum,
        {{ product_sum(column, column) }} as {{ name }}_sum_sq,
        {{ product_sum('outcome', column) }} as outcome_{{ name }}_sum,
        {%- endfor %}
        {{ product_sum('watch_seconds', 'spend_micros') }} as watch_spend_sum,
        {{ product_sum('watch_seconds', 'is_unseen') }} as watch_unseen_sum,
        {{ product_sum('spend_micros', 'is_unseen') }} as spend_unseen_sum,
        sum(n_lines) as n_lines,
        sum(n_unvalued_lines) as n_unvalued_lines,
        min(currency) as currency
    from measured
    group by experiment_id, arm, metric, horizon_days, segment
),

final as (
    select
        arms.experiment_id,
        arms.arm,
        metrics.metric,
        horizons.horizon_days,
        segments.segment,
        arms.is_control,
        cast(coalesce(exposed.n_exposed, 0) as bigint) as n_exposed,
        cast(coalesce(summed.viewer_n, 0) as bigint) as viewer_n,
        cast(coalesce(summed.outcome_sum, 0) as decimal(38, 0)) as outcome_sum,
        cast(coalesce(summed.outcome_sum_sq, 0) as decimal(38, 0)) as outcome_sum_sq,
        {%- for name in covariates %}
        cast(coalesce(summed.{{ name }}_sum, 0) as decimal(38, 0)) as {{ name }}_sum,
        cast(coalesce(summed.{{ name }}_sum_sq, 0) as decimal(38, 0)) as {{ name }}_sum_sq,
        cast(coalesce(summed.outcome_{{ name }}_sum, 0) as decimal(38, 0)) as outcome_{{ name }}_sum,
        {%- endfor %}
        {%- for pair in ['watch_spend', 'watch_unseen', 'spend_unseen'] %}
        cast(coalesce(summed.{{ pair }}_sum, 0) as decimal(38, 0)) as {{ pair }}_sum,
        {%- endfor %}
        cast(coalesce(summed.n_lines, 0) as bigint) as n_lines,
        cast(coalesce(summed.n_unvalued_lines, 0) as bigint) as n_unvalued_lines,
        case when metrics.metric = 'net_revenue' then summed.currency end as currency,
        clock.as_of,
        '{{ var("definition_version") }}' as definition_version
    from arms
    inner join segments
        on arms.experiment_id = segments.experiment_id
    cross join metrics
    cross join horizons
    cross join clock
    left join exposed
        on arms.experiment_id = exposed.experiment_id
        and arms.arm = exposed.arm
        and segments.segment = exposed.segment
    left join summed
        on arms.experiment_id = summed.experiment_id
        and arms.arm = summed.arm
        and metrics.metric = summed.metric
        and horizons.horizon_days = summed.horizon_days
        and segments.segment = summed.segment
)

select * from final
