-- Of the viewers who entered a series at its first episode: how many had reached episode k within H hours.

create temp table entrant as
select
    viewer_key,
    series_id,
    surface as entry_surface,
    cast(cast(date_trunc('week', timezone('UTC', entered_at)) as date) as varchar) as cohort_week,
    epoch_us(entered_at) as entered_us,
    epoch_us(as_of) - epoch_us(entered_at) as follow_up_us
from entry
cross join clock
where episode_seq = 1;

-- Everyone stands in one surface and week, so these add up to all.
create temp table entrant_count as
select
    series_id,
    coalesce(entry_surface, 'all') as surface,
    coalesce(cohort_week, 'all') as cohort_week,
    horizon_hours,
    count(*) as n_entered,
    count(*) filter (follow_up_us > 0) as n_at_risk,
    count(*) filter (follow_up_us < horizon_hours * 3_600_000_000) as n_ended
from entrant
cross join (values (24), (72), (168), (672)) as horizon (horizon_hours)
group by cube (entry_surface, cohort_week), series_id, horizon_hours;

create temp table reached_count as
with visited as (
    select
        series_id,
        entry_surface,
        cohort_week,
        follow_up_us,
        visit.episode_seq,
        lag(visit.episode_seq, 1, 0) over by_episode as episode_before,
        epoch_us(min(started_at) over (by_episode rows between current row and unbounded following))
        - entered_us as event_us
    from visit
    inner join entrant using (viewer_key, series_id)
    window by_episode as (partition by viewer_key, series_id order by visit.episode_seq)
),
-- An episode that was jumped over is reached with the next one visited.
reached as (
    select * exclude (episode_seq, episode_before), unnest(range(episode_before + 1, episode_seq + 1)) as episode_seq
    from visited
),
counted as (
    select
        series_id,
        entry_surface,
        cohort_week,
        episode_seq,
        unnest([24, 72, 168, 672]) as horizon_hours,
        unnest([
            count(*) filter (event_us <= 24 * 3_600_000_000),
            count(*) filter (event_us <= 72 * 3_600_000_000),
            count(*) filter (event_us <= 168 * 3_600_000_000),
            count(*) filter (event_us <= 672 * 3_600_000_000)
        ]) as n_event,
        unnest([
            count(*) filter (event_us <= 24 * 3_600_000_000 and follow_up_us < 24 * 3_600_000_000),
            count(*) filter (event_us <= 72 * 3_600_000_000 and follow_up_us < 72 * 3_600_000_000),
            count(*) filter (event_us <= 168 * 3_600_000_000 and follow_up_us < 168 * 3_600_000_000),
            count(*) filter (event_us <= 672 * 3_600_000_000 and follow_up_us < 672 * 3_600_000_000)
        ]) as n_ended_after_event
    from reached
    group by series_id, entry_surface, cohort_week, episode_seq
)
select
    series_id,
    coalesce(entry_surface, 'all') as surface,
    coalesce(cohort_week, 'all') as cohort_week,
    episode_seq,
    horizon_hours,
    sum(n_event) as n_event,
    sum(n_ended_after_event) as n_ended_after_event
from counted
group by cube (entry_surface, cohort_week), series_id, episode_seq, horizon_hours;

create table direct.episode_reach as
select
    entrants.series_id,
    entrants.surface,
    entrants.cohort_week,
    episode_seq,
    horizon_hours,
    entrants.n_entered,
    entrants.n_at_risk,
    coalesce(reached.n_event, 0)::bigint as n_event,
    (entrants.n_ended - coalesce(reached.n_ended_after_event, 0))::bigint as n_censored
from (
    select entrant_count.*, unnest(range(1, total_episodes + 1)) as episode_seq
    from entrant_count
    inner join reference.series using (series_id)
) as entrants
left join reached_count as reached using (series_id, surface, cohort_week, episode_seq, horizon_hours);
