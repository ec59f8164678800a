-- Everyone who completed an episode whose next one was there to be started and had not been started yet, once in each
-- population they count in: the surface of the completing playback, or all.
with

transitions as (
    select * from {{ ref('fct_episode_transition') }}
),

views_as_of as (
    select as_of
    from {{ ref('int_feed_as_of') }}
    where feed = 'views'
),

completions as (
    select
        transitions.series_id,
        transitions.episode_seq,
        transitions.completed_surface as surface,
        {{ microseconds_between('transitions.completed_at', 'views_as_of.as_of') }} as follow_up_us,
        {{ microseconds_between('transitions.completed_at', 'transitions.next_episode_started_at') }} as event_us,
        transitions.next_is_autoplay
    from transitions
    cross join views_as_of
    where
        transitions.completed_at is not null
        and not transitions.is_last_episode
        and transitions.is_next_published
        and transitions.is_listed
        and (
            transitions.next_episode_started_at is null
            or transitions.next_episode_started_at >= transitions.completed_at
        )
),

in_populations as (
    select
        completions.series_id,
        completions.episode_seq,
        case when choice.surface_is_kept = 1 then completions.surface else 'all' end as surface,
        completions.follow_up_us,
        completions.event_us,
        completions.next_is_autoplay
    from completions
    cross join {{ number_list([0, 1], 'choice', 'surface_is_kept') }}
),

numbered as (
    select
        *,
        dense_rank() over (order by series_id, surface, episode_seq) as population_id
    from in_populations
)

select * from numbered
