-- By the boundary clock: who was at risk at the end of episode e, and who started no later one within W days.

create temp table boundary_count as
with passed as (
    select
        visit.series_id,
        entry.surface,
        cast(cast(date_trunc('week', timezone('UTC', entry.entered_at)) as date) as varchar) as cohort_week,
        visit.episode_seq,
        visit.episode_seq >= total_episodes as is_last,
        epoch_us(as_of) - epoch_us(visit.started_at) as follow_up_us,
        min(epoch_us(visit.started_at)) over (
            partition by visit.viewer_key, visit.series_id
            order by visit.episode_seq
            rows between 1 following and unbounded following
        ) - epoch_us(visit.started_at) as gap_us
    from visit
    inner join entry using (viewer_key, series_id)
    inner join reference.series using (series_id)
    cross join clock
),
counted as (
    select
        series_id,
        surface,
        cohort_week,
        episode_seq,
        window_days,
        count(*) filter (follow_up_us >= window_days * 86_400_000_000) as n_at_risk,
        count(*) filter (
            follow_up_us >= window_days * 86_400_000_000
            and not is_last
            and (gap_us is null or gap_us > window_days * 86_400_000_000)
        ) as n_drop
    from passed
    cross join (values (3), (7), (14)) as windows (window_days)
    -- First pass: no later episode was started before this one.
    where gap_us is null or gap_us >= 0
    group by series_id, surface, cohort_week, episode_seq, window_days
)
select
    series_id,
    coalesce(surface, 'all') as surface,
    coalesce(cohort_week, 'all') as cohort_week,
    episode_seq,
    window_days,
    sum(n_at_risk)::bigint as n_at_risk,
    sum(n_drop)::bigint as n_drop
from counted
group by cube (surface, cohort_week), series_id, episode_seq, window_days;

create table direct.episode_survival as
select
    series_id,
    surface,
    cohort_week,
    episode_seq,
    window_days,
    coalesce(n_at_risk, 0) as n_at_risk,
    coalesce(n_drop, 0) as n_drop
from (
    select series_id, surface, cohort_week, unnest(range(1, total_episodes + 1)) as episode_seq
    from (select distinct series_id, surface, cohort_week from boundary_count)
    inner join reference.series using (series_id)
)
cross join (values (3), (7), (14)) as windows (window_days)
left join boundary_count using (series_id, surface, cohort_week, episode_seq, window_days);
