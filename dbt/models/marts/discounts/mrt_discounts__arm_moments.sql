{#- Sums of products of whole numbers, which outgrow 64 bits long before a million viewers. -#}
{%- set products = {
    'outcome_sum_sq': ['outcome', 'outcome'],
    'watch_sum_sq': ['watch_seconds', 'watch_seconds'],
    'outcome_watch_sum': ['outcome', 'watch_seconds'],
    'spend_sum_sq': ['spend_micros', 'spend_micros'],
    'outcome_spend_sum': ['outcome', 'spend_micros'],
    'unseen_sum_sq': ['is_unseen', 'is_unseen'],
    'outcome_unseen_sum': ['outcome', 'is_unseen'],
    'watch_spend_sum': ['watch_seconds', 'spend_micros'],
    'watch_unseen_sum': ['watch_seconds', 'is_unseen'],
    'spend_unseen_sum': ['spend_micros', 'is_unseen'],
} -%}
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
        sum(watch_seconds) as watch_sum,
        sum(spend_micros) as spend_sum,
        sum(is_unseen) as unseen_sum,
        {%- for name, factors in products.items() %}
        sum(cast({{ factors[0] }} as decimal(19, 0)) * cast({{ factors[1] }} as decimal(19, 0))) as {{ name }},
        {%- endfor %}
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
        {%- for name in ['outcome_sum', 'watch_sum', 'spend_sum', 'unseen_sum'] + products.keys() | list %}
        cast(coalesce(summed.{{ name }}, 0) as decimal(38, 0)) as {{ name }},
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
