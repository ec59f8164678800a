{%- set look_ahead = var('unbounded_look_ahead_days') -%}
with

plays as (
    select * from {{ ref('fct_play') }}
),

transitions as (
    select * from {{ ref('fct_episode_transition') }}
),

series as (
    select * from {{ ref('dim_series') }}
),

views_as_of as (
    select
        as_of,
        {{ add_days(utc_date('as_of'), -1) }} as last_full_day
    from {{ ref('int_feed_as_of') }}
    where feed = 'views'
),

-- What is asked of a cohort: the days after entry that count as a return, and so the age at which the answer is known.
questions as (
    select
        'n_day' as mode,
        day,
        day as first_day,
        day as last_day
    from (select {{ each_integer(0, var('n_day_last')) }} as day) as days
    union all
    select
        'unbounded' as mode,
        day,
        day as first_day,
        day + {{ look_ahead }} as last_day
    from {{ number_list(var('unbounded_days'), 'listed', 'day') }}
    union all
    select
        'bracket' as mode,
        first_day as day,
        first_day,
        last_day
    from (
        values {% for bracket in var('brackets') %}({{ bracket[0] }}, {{ bracket[1] }}){{ ', ' if not loop.last }}{% endfor %}
    ) as listed (first_day, last_day)
),

series_days as (
    select distinct
        viewer_key,
        series_id,
        start_date
    from plays
    where is_counted and is_start
),

scoped_days as (
    select
        'series' as scope,
        series_id as scope_id,
        viewer_key,
        start_date
    from series_days
    union
    select
        'studio' as scope,
        series.studio_id as scope_id,
        series_days.viewer_key,
        series_days.start_date
    from series_days
    inner join series
        on series_days.series_id = series.series_id
    union
    select
        'all' as scope,
        'all' as scope_id,
        viewer_key,
        start_date
    from series_days
),

entries as (
    select
        viewer_key,
        series_id,
        entered_at,
        entry_surface as surface
    from transitions
    where is_entry
),

entries_in_scopes as (
    select
        'series' as scope,
        series_id as scope_id,
        viewer_key,
        series_id,
        entered_at,
        surface
    from entries
    union all
    select
        'studio' as scope,
        series.studio_id as scope_id,
        entries.viewer_key,
        entries.series_id,
        entries.entered_at,
        entries.surface
    from entries
    inner join series
        on entries.series_id = series.series_id
    union all
    select
        'all' as scope,
        'all' as scope_id,
        viewer_key,
        series_id,
        entered_at,
        surface
    from entries
),

scoped_entries as (
    select
        scope,
        scope_id,
        viewer_key,
        surface,
        {{ utc_date('entered_at') }} as cohort_date,
        row_number() over (
            partition by scope, scope_id, viewer_key
            order by entered_at, series_id
        ) as entry_no
    from entries_in_scopes
),

first_entries as (
    select *
    from scoped_entries
    where entry_no = 1
),

cohorts as (
    select
        scope,
        scope_id,
        surface,
        cohort_date,
        count(*) as n_viewers
    from first_entries
    group by scope, scope_id, surface, cohort_date
),

ages as (
    select
        first_entries.scope,
        first_entries.scope_id,
        first_entries.surface,
        first_entries.cohort_date,
        first_entries.viewer_key,
        {{ days_between('first_entries.cohort_date', 'scoped_days.start_date') }} as age
    from first_entries
    inner join scoped_days
        on first_entries.scope = scoped_days.scope
        and first_entries.scope_id = scoped_days.scope_id
        and first_entries.viewer_key = scoped_days.viewer_key
),

returned as (
    select
        ages.scope,
        ages.scope_id,
        ages.surface,
        ages.cohort_date,
        questions.mode,
        questions.day,
        count(distinct ages.viewer_key) as n_active
    from ages
    inner join questions
        on ages.age between questions.first_day and questions.last_day
    group by
        ages.scope,
        ages.scope_id,
        ages.surface,
        ages.cohort_date,
        questions.mode,
        questions.day
),

asked as (
    select
        cohorts.scope,
        cohorts.scope_id,
        cohorts.surface,
        cohorts.cohort_date,
        questions.mode,
        questions.day,
        cohorts.n_viewers,
        {{ add_days('cohorts.cohort_date', 'questions.last_day') }} <= views_as_of.last_full_day as is_mature
    from cohorts
    cross join questions
    cross join views_as_of
),

-- The answer of a cohort that is too young is no answer: it adds nothing to any sum.
answered as (
    select
        asked.scope,
        asked.scope_id,
        asked.surface,
        cast(asked.cohort_date as string) as cohort_date,
        asked.mode,
        asked.day,
        asked.n_viewers,
        case when asked.is_mature then asked.n_viewers else 0 end as n_eligible,
        case when asked.is_mature then coalesce(returned.n_active, 0) else 0 end as n_active
    from asked
    left join returned
        on asked.scope = returned.scope
        and asked.scope_id = returned.scope_id
        and asked.surface = returned.surface
        and asked.cohort_date = returned.cohort_date
        and asked.mode = returned.mode
        and asked.day = returned.day
),

-- A viewer stands in one cohort and one surface of a scope, so cells add up to 'all'.
with_all_surfaces as (
    {{ roll_up(
        'answered',
        'surface',
        ['scope', 'scope_id', 'cohort_date', 'mode', 'day'],
        ['n_viewers', 'n_eligible', 'n_active'],
    ) }}
),

summed as (
    {{ roll_up(
        'with_all_surfaces',
        'cohort_date',
        ['scope', 'scope_id', 'surface', 'mode', 'day'],
        ['n_viewers', 'n_eligible', 'n_active'],
    ) }}
),

final as (
    select
        summed.scope,
        summed.scope_id,
        summed.surface,
        summed.cohort_date,
        summed.mode,
        cast(summed.day as bigint) as day,
        cast(summed.n_viewers as bigint) as n_viewers,
        cast(summed.n_eligible as bigint) as n_eligible,
        cast(summed.n_active as bigint) as n_active,
        views_as_of.as_of,
        '{{ var("definition_version") }}' as definition_version
    from summed
    cross join views_as_of
)

select * from final
