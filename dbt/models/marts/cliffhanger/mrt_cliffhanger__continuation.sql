{%- set horizons = var('continuation_window_seconds') -%}
with

transitions as (
    select * from {{ ref('fct_episode_transition') }}
),

populations as (
    select * from {{ ref('int_continuation_populations') }}
),

units as (
    select * from {{ ref('int_continuation_units') }}
),

events as (
    select * from {{ ref('int_continuation_events') }}
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

windows as (
    select window_seconds
    from {{ number_list(horizons, 'listed', 'window_seconds') }}
),

modes as (
    select mode
    from (values ('all'), ('autoplay'), ('active')) as listed (mode)
),

watched_on as (
    select distinct
        series_id,
        surface
    from transitions
    union
    select distinct
        series_id,
        'all' as surface
    from transitions
),

series_episodes as (
    select
        watched_on.series_id,
        watched_on.surface,
        {{ each_integer('1', 'series.total_episodes - 1') }} as episode_seq
    from watched_on
    inner join series
        on watched_on.series_id = series.series_id
    where series.total_episodes > 1
),

cells as (
    select
        series_episodes.series_id,
        series_episodes.surface,
        series_episodes.episode_seq,
        windows.window_seconds,
        modes.mode,
        populations.population_id,
        coalesce(populations.n_units, 0) as n_completed,
        coalesce(populations.n_at_risk, 0) as n_at_risk,
        coalesce(populations.longest_follow_up_us >= windows.window_seconds * 1000000, false) as is_followed_up
    from series_episodes
    cross join windows
    cross join modes
    left join populations
        on series_episodes.series_id = populations.series_id
        and series_episodes.surface = populations.surface
        and series_episodes.episode_seq = populations.episode_seq
),

-- Follow-ups that end before each window closes, over everyone and over those with the event.
ends as (
    select
        population_id,
        {{ first_above('follow_up_us', horizons, 1000000) }} as window_seconds,
        count(*) as n_ends
    from units
    where follow_up_us < {{ horizons | max * 1000000 }}
    group by population_id, {{ first_above('follow_up_us', horizons, 1000000) }}
),

started as (
    select
        population_id,
        mode,
        {{ first_at_least('event_us', horizons, 1000000) }} as window_seconds,
        count(*) as n_event
    from events
    where event_us <= {{ horizons | max * 1000000 }}
    group by population_id, mode, {{ first_at_least('event_us', horizons, 1000000) }}
),

started_ends as (
    select
        population_id,
        mode,
        {{ first_above('follow_up_us', horizons, 1000000) }} as window_seconds,
        count(*) as n_ends
    from events
    where follow_up_us < {{ horizons | max * 1000000 }}
    group by population_id, mode, {{ first_above('follow_up_us', horizons, 1000000) }}
),

counted as (
    select
        cells.*,
        coalesce(sum(started.n_event) over so_far, 0) as n_event,
        coalesce(sum(ends.n_ends) over so_far, 0) - coalesce(sum(started_ends.n_ends) over so_far, 0) as n_censored
    from cells
    left join ends
        on cells.population_id = ends.population_id
        and cells.window_seconds = ends.window_seconds
    left join started
        on cells.population_id = started.population_id
        and cells.mode = started.mode
        and cells.window_seconds = started.window_seconds
    left join started_ends
        on cells.population_id = started_ends.population_id
        and cells.mode = started_ends.mode
        and cells.window_seconds = started_ends.window_seconds
    window so_far as (
        partition by cells.series_id, cells.surface, cells.episode_seq, cells.mode
        order by cells.window_seconds
        rows between unbounded preceding and current row
    )
),

final as (
    select
        counted.series_id,
        counted.surface,
        counted.episode_seq,
        cast(counted.window_seconds as bigint) as window_seconds,
        counted.mode,
        counted.n_completed,
        cast(counted.n_at_risk as bigint) as n_at_risk,
        cast(counted.n_event as bigint) as n_event,
        cast(counted.n_censored as bigint) as n_censored,
        coalesce(next_episodes.published_at <= views_as_of.as_of, false) as is_next_published,
        counted.is_followed_up,
        views_as_of.as_of,
        '{{ var("definition_version") }}' as definition_version
    from counted
    cross join views_as_of
    left join episodes as next_episodes
        on counted.series_id = next_episodes.series_id
        and counted.episode_seq + 1 = next_episodes.episode_seq
)

select * from final
