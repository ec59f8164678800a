{%- set horizons = var('reach_horizon_hours') -%}
with

populations as (
    select * from {{ ref('int_reach_populations') }}
),

units as (
    select * from {{ ref('int_reach_units') }}
),

events as (
    select * from {{ ref('int_reach_events') }}
),

series as (
    select * from {{ ref('dim_series') }}
),

episodes as (
    select * from {{ ref('dim_episode') }}
),

views_as_of as (
    select as_of
    from {{ ref('int_feed_as_of') }}
    where feed = 'views'
),

horizons as (
    select horizon_hours
    from {{ number_list(horizons, 'listed', 'horizon_hours') }}
),

population_episodes as (
    select
        populations.population_id,
        populations.series_id,
        {{ each_integer('1', 'series.total_episodes') }} as episode_seq
    from populations
    inner join series
        on populations.series_id = series.series_id
),

-- Follow-ups that end before each horizon, over everyone and over those who reached the episode.
ends as (
    select
        population_id,
        {{ first_above('follow_up_us', horizons, 3600000000) }} as horizon_hours,
        count(*) as n_ends
    from units
    where follow_up_us < {{ horizons | max * 3600000000 }}
    group by population_id, {{ first_above('follow_up_us', horizons, 3600000000) }}
),

reached as (
    select
        population_id,
        episode_seq,
        {{ first_at_least('event_us', horizons, 3600000000) }} as horizon_hours,
        count(*) as n_event
    from events
    where event_us <= {{ horizons | max * 3600000000 }}
    group by population_id, episode_seq, {{ first_at_least('event_us', horizons, 3600000000) }}
),

reached_ends as (
    select
        population_id,
        episode_seq,
        {{ first_above('follow_up_us', horizons, 3600000000) }} as horizon_hours,
        count(*) as n_ends
    from events
    where follow_up_us < {{ horizons | max * 3600000000 }}
    group by population_id, episode_seq, {{ first_above('follow_up_us', horizons, 3600000000) }}
),

counted as (
    select
        population_episodes.population_id,
        population_episodes.series_id,
        population_episodes.episode_seq,
        horizons.horizon_hours,
        coalesce(sum(reached.n_event) over so_far, 0) as n_event,
        coalesce(sum(ends.n_ends) over so_far, 0) - coalesce(sum(reached_ends.n_ends) over so_far, 0) as n_censored
    from population_episodes
    cross join horizons
    left join ends
        on population_episodes.population_id = ends.population_id
        and horizons.horizon_hours = ends.horizon_hours
    left join reached
        on population_episodes.population_id = reached.population_id
        and population_episodes.episode_seq = reached.episode_seq
        and horizons.horizon_hours = reached.horizon_hours
    left join reached_ends
        on population_episodes.population_id = reached_ends.population_id
        and population_episodes.episode_seq = reached_ends.episode_seq
        and horizons.horizon_hours = reached_ends.horizon_hours
    window so_far as (
        partition by population_episodes.population_id, population_episodes.episode_seq
        order by horizons.horizon_hours
        rows between unbounded preceding and current row
    )
),

final as (
    select
        populations.series_id,
        populations.surface,
        populations.cohort_week,
        counted.episode_seq,
        cast(counted.horizon_hours as bigint) as horizon_hours,
        populations.n_units as n_entered,
        cast(populations.n_at_risk as bigint) as n_at_risk,
        cast(counted.n_event as bigint) as n_event,
        cast(counted.n_censored as bigint) as n_censored,
        {{ share('counted.n_event', 'populations.n_units') }} as naive_share,
        coalesce(episodes.published_at <= views_as_of.as_of, false) as is_published,
        populations.longest_follow_up_us >= counted.horizon_hours * 3600000000 as is_followed_up,
        views_as_of.as_of,
        '{{ var("definition_version") }}' as definition_version
    from counted
    inner join populations
        on counted.population_id = populations.population_id
    cross join views_as_of
    left join episodes
        on counted.series_id = episodes.series_id
        and counted.episode_seq = episodes.episode_seq
)

select * from final
