{%- set windows = var('gate_window_hours', [24, 72, 168]) -%}
with

populations as (
    select * from {{ ref('int_gate_populations') }}
),

units as (
    select * from {{ ref('int_gate_units') }}
),

clock as (
    select min(as_of) as as_of
    from {{ ref('int_feed_as_of') }}
    where feed in ('views', 'unlocks', 'ads')
),

windows as (
    select window_hours
    from {{ number_list(windows, 'listed', 'window_hours') }}
),

outcomes as (
    select outcome
    from (
        values
            ('in_episode_exit'),
            ('story_exit'),
            ('gate_bounce'),
            ('coin_unlock'),
            ('ad_unlock'),
            ('ad_failed'),
            ('subscription_pass'),
            ('promo_pass')
    ) as listed (outcome)
),

-- A pass is known at once; that somebody left is known when the window is over. Null: not known yet.
states as (
    select
        units.population_id,
        windows.window_hours,
        case
            when units.passed_us <= windows.window_hours * 3600000000 then units.pass_outcome
            when units.follow_up_us < windows.window_hours * 3600000000 then null
            when units.ad_tried_us <= windows.window_hours * 3600000000 then 'ad_failed'
            when units.offered_us <= windows.window_hours * 3600000000 then 'gate_bounce'
            when units.completed_us <= windows.window_hours * 3600000000 then 'story_exit'
            else 'in_episode_exit'
        end as outcome,
        units.follow_up_us >= windows.window_hours * 3600000000 as is_followed
    from units
    cross join windows
),

counted as (
    select
        population_id,
        window_hours,
        outcome,
        count(*) as n_outcome
    from states
    where outcome is not null
    group by population_id, window_hours, outcome
),

followed as (
    select
        population_id,
        window_hours,
        sum(case when is_followed then 1 else 0 end) as n_followed,
        sum(case when outcome is null then 1 else 0 end) as n_censored
    from states
    group by population_id, window_hours
),

final as (
    select
        populations.series_id,
        populations.surface,
        populations.gate_episode_seq,
        populations.cohort_week,
        cast(followed.window_hours as bigint) as window_hours,
        outcomes.outcome,
        cast(populations.n_units as bigint) as n_opportunities,
        cast(coalesce(counted.n_outcome, 0) as bigint) as n_outcome,
        cast(followed.n_censored as bigint) as n_censored,
        cast(followed.n_followed as bigint) as n_followed,
        clock.as_of,
        '{{ var("definition_version") }}' as definition_version
    from populations
    inner join followed
        on populations.population_id = followed.population_id
    cross join outcomes
    cross join clock
    left join counted
        on populations.population_id = counted.population_id
        and followed.window_hours = counted.window_hours
        and outcomes.outcome = counted.outcome
)

select * from final
