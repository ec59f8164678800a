with

transitions as (
    select * from {{ ref('fct_episode_transition') }}
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
    select window_days
    from {{ number_list(var('survival_window_days'), 'listed', 'window_days') }}
),

boundaries as (
    select
        transitions.series_id,
        transitions.entry_surface as surface,
        cast(transitions.cohort_week as string) as cohort_week,
        transitions.episode_seq,
        transitions.episode_seq >= series.total_episodes as is_last,
        {{ microseconds_between('transitions.started_at', 'views_as_of.as_of') }} as follow_up_us,
        {{ microseconds_between('transitions.started_at', 'transitions.next_started_at') }} as gap_us
    from transitions
    inner join series
        on transitions.series_id = series.series_id
        and transitions.episode_seq <= series.total_episodes
    cross join views_as_of
    where transitions.is_first_pass
),

-- A viewer stands in one cell only, so cells add up to 'all'.
counted as (
    select
        boundaries.series_id,
        boundaries.surface,
        boundaries.cohort_week,
        boundaries.episode_seq,
        windows.window_days,
        count(*) as n_started,
        sum(case when boundaries.follow_up_us >= windows.window_days * 86400000000 then 1 else 0 end) as n_at_risk,
        sum(
            case
                when
                    boundaries.follow_up_us >= windows.window_days * 86400000000
                    and not boundaries.is_last
                    and (boundaries.gap_us is null or boundaries.gap_us > windows.window_days * 86400000000)
                    then 1
                else 0
            end
        ) as n_drop
    from boundaries
    cross join windows
    group by
        boundaries.series_id,
        boundaries.surface,
        boundaries.cohort_week,
        boundaries.episode_seq,
        windows.window_days
),

with_all_surfaces as (
    {{ roll_up(
        'counted',
        'surface',
        ['series_id', 'cohort_week', 'episode_seq', 'window_days'],
        ['n_started', 'n_at_risk', 'n_drop'],
    ) }}
),

summed as (
    {{ roll_up(
        'with_all_surfaces',
        'cohort_week',
        ['series_id', 'surface', 'episode_seq', 'window_days'],
        ['n_started', 'n_at_risk', 'n_drop'],
    ) }}
),

populations as (
    select distinct
        series_id,
        surface,
        cohort_week
    from summed
),

population_episodes as (
    select
        populations.series_id,
        populations.surface,
        populations.cohort_week,
        {{ each_integer('1', 'series.total_episodes') }} as episode_seq
    from populations
    inner join series
        on populations.series_id = series.series_id
),

final as (
    select
        population_episodes.series_id,
        population_episodes.surface,
        population_episodes.cohort_week,
        population_episodes.episode_seq,
        cast(windows.window_days as bigint) as window_days,
        cast(coalesce(summed.n_started, 0) as bigint) as n_started,
        cast(coalesce(summed.n_at_risk, 0) as bigint) as n_at_risk,
        cast(coalesce(summed.n_drop, 0) as bigint) as n_drop,
        coalesce(episodes.published_at <= views_as_of.as_of, false) as is_published,
        views_as_of.as_of,
        '{{ var("definition_version") }}' as definition_version
    from population_episodes
    cross join windows
    cross join views_as_of
    left join summed
        on population_episodes.series_id = summed.series_id
        and population_episodes.surface = summed.surface
        and population_episodes.cohort_week = summed.cohort_week
        and population_episodes.episode_seq = summed.episode_seq
        and windows.window_days = summed.window_days
    left join episodes
        on population_episodes.series_id = episodes.series_id
        and population_episodes.episode_seq = episodes.episode_seq
)

select * from final
