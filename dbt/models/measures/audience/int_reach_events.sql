-- For every entrant and every episode k they got to: the time from their entry to the first start of any episode from k on.
with

transitions as (
    select * from {{ ref('fct_episode_transition') }}
),

units as (
    select * from {{ ref('int_reach_units') }}
),

series as (
    select * from {{ ref('dim_series') }}
),

visited as (
    select
        transitions.viewer_key,
        transitions.series_id,
        transitions.episode_seq,
        transitions.entered_at,
        coalesce(
            lag(transitions.episode_seq) over (
                partition by transitions.viewer_key, transitions.series_id
                order by transitions.episode_seq
            ),
            0
        ) as visited_before_seq,
        min(transitions.started_at) over (
            partition by transitions.viewer_key, transitions.series_id
            order by transitions.episode_seq
            rows between current row and unbounded following
        ) as reached_at
    from transitions
    where transitions.entry_episode_seq = 1
),

-- Episodes that were jumped over are reached with the next one visited.
reached as (
    select
        viewer_key,
        series_id,
        {{ each_integer('visited_before_seq + 1', 'episode_seq') }} as episode_seq,
        {{ microseconds_between('entered_at', 'reached_at') }} as event_us
    from visited
),

final as (
    select
        units.population_id,
        reached.episode_seq,
        reached.event_us,
        units.follow_up_us
    from reached
    inner join series
        on reached.series_id = series.series_id
        and reached.episode_seq <= series.total_episodes
    inner join units
        on reached.viewer_key = units.viewer_key
        and reached.series_id = units.series_id
)

select * from final
