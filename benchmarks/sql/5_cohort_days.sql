-- Of the viewers who first came on a day, in a series, a studio's series or at all: how many were active N days later.

create temp table scoped_day as
with day as (
    select
        viewer_key,
        series_id,
        cast(timezone('UTC', start_at) as date) as active_date,
        min(start_at) as first_at
    from play
    where is_start
    group by viewer_key, series_id, active_date
)
select 'series' as scope, series_id as scope_id, viewer_key, series_id, active_date, first_at
from day
union all
select 'studio', studio_id, viewer_key, series_id, active_date, first_at
from day
inner join reference.series using (series_id)
union all
select 'all', 'all', viewer_key, series_id, active_date, first_at
from day;

-- Bit n of a viewer's ages: active n days after the first day; bit 36 stands for all that no question looks at.
create temp table cohort_viewer as
with first_day as (
    select
        scope,
        scope_id,
        viewer_key,
        min(active_date) as cohort_date,
        arg_min(series_id, (first_at, series_id)) as series_id
    from scoped_day
    group by scope, scope_id, viewer_key
)
select
    scope,
    scope_id,
    viewer_key,
    any_value(entry.surface) as surface,
    any_value(first_day.cohort_date) as cohort_date,
    bit_or(1::bigint << least(scoped_day.active_date - first_day.cohort_date, 36)) as ages
from scoped_day
inner join first_day using (scope, scope_id, viewer_key)
inner join entry on entry.viewer_key = first_day.viewer_key and entry.series_id = first_day.series_id
group by scope, scope_id, viewer_key;

create table direct.cohort_days as
with question as (
    select 'n_day' as mode, day, day as first_age, day as last_age from range(31) as days (day)
    union all
    select 'unbounded', day, day, day + 7 from (values (1), (3), (7), (14), (28)) as days (day)
    union all
    select 'bracket', first_age, first_age, last_age
    from (values (0, 0), (1, 3), (4, 7), (8, 14), (15, 30)) as brackets (first_age, last_age)
),
-- Viewers with the same days are asked once.
cohort as (
    select scope, scope_id, surface, cohort_date, ages, count(*) as n
    from cohort_viewer
    group by all
),
counted as (
    select
        scope,
        scope_id,
        surface,
        cohort_date,
        mode,
        day,
        sum(n) as n_eligible,
        sum(n) filter (ages & (((1::bigint << (last_age - first_age + 1)) - 1) << first_age) <> 0) as n_active
    from cohort
    cross join question
    group by all
)
select
    scope,
    scope_id,
    coalesce(surface, 'all') as surface,
    coalesce(cast(cohort_date as varchar), 'all') as cohort_date,
    mode,
    day,
    coalesce(sum(n_eligible) filter (is_mature), 0)::bigint as n_eligible,
    coalesce(sum(n_active) filter (is_mature), 0)::bigint as n_active
from (
    select counted.*, cohort_date + last_age::integer <= last_full_day as is_mature
    from counted
    inner join question using (mode, day)
    cross join clock
)
group by cube (surface, cohort_date), scope, scope_id, mode, day;
