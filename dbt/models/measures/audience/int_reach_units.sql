-- Everyone who entered a series at its first episode, once in each population they count in: their surface or all, their
-- cohort week or all.
with

transitions as (
    select * from {{ ref('fct_episode_transition') }}
),

series as (
    select * from {{ ref('dim_series') }}
),

views_as_of as (
    select as_of
    from {{ ref('int_feed_as_of') }}
    where feed = 'views'
),

entrants as (
    select
        transitions.viewer_key,
        transitions.series_id,
        transitions.entry_surface as surface,
        cast(transitions.cohort_week as string) as cohort_week,
        transitions.entered_at,
        {{ microseconds_between('transitions.entered_at', 'views_as_of.as_of') }} as follow_up_us
    from transitions
    inner join series
        on transitions.series_id = series.series_id
    cross join views_as_of
    where transitions.is_entry and transitions.episode_seq = 1
),

in_populations as (
    select
        entrants.viewer_key,
        entrants.series_id,
        case when choice.surface_is_kept = 1 then entrants.surface else 'all' end as surface,
        case when choice.week_is_kept = 1 then entrants.cohort_week else 'all' end as cohort_week,
        entrants.entered_at,
        entrants.follow_up_us
    from entrants
    cross join (values (0, 0), (0, 1), (1, 0), (1, 1)) as choice (surface_is_kept, week_is_kept)
),

numbered as (
    select
        *,
        dense_rank() over (order by series_id, surface, cohort_week) as population_id
    from in_populations
)

select * from numbered
