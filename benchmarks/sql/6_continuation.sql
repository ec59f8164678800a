-- Of the viewers who completed episode n: how many had started n + 1 within W seconds, by themselves or by the player.

create temp table finisher as
select
    completion.series_id,
    completion.surface,
    completion.episode_seq,
    epoch_us(as_of) - epoch_us(completion.completed_at) as follow_up_us,
    epoch_us(following.started_at) - epoch_us(completion.completed_at) as event_us,
    following.is_autoplay
from completion
-- Somebody who never started an episode has not completed it.
semi join visit using (viewer_key, series_id, episode_seq)
inner join reference.series using (series_id)
inner join reference.episodes as next_episode
    on completion.series_id = next_episode.series_id
    and completion.episode_seq + 1 = next_episode.episode_seq
    and next_episode.published_ts <= completion.completed_at
left join visit as following
    on completion.viewer_key = following.viewer_key
    and completion.series_id = following.series_id
    and completion.episode_seq + 1 = following.episode_seq
cross join clock
where
    completion.episode_seq < total_episodes
    and (following.started_at is null or following.started_at >= completion.completed_at)
    and (
        not exists (
            select 1 from reference.series_listing as listing
            where listing.series_id = completion.series_id and listing.surface = completion.surface
        )
        or exists (
            select 1 from reference.series_listing as listing
            where
                listing.series_id = completion.series_id
                and listing.surface = completion.surface
                and listing.listing_status = 'active'
                and listing.valid_from <= completion.completed_at
                and (listing.valid_to is null or completion.completed_at < listing.valid_to)
        )
    );

-- Those whom every question gets the same answer from are asked once.
create temp table finisher_kind as
select
    series_id,
    surface,
    episode_seq,
    is_autoplay,
    case
        when event_us <= 5_000_000 then 5
        when event_us <= 10_000_000 then 10
        when event_us <= 60_000_000 then 60
        when event_us <= 1_800_000_000 then 1800
        when event_us <= 86_400_000_000 then 86400
        when event_us <= 259_200_000_000 then 259200
        when event_us <= 604_800_000_000 then 604800
    end as within_seconds,
    -- The longest window that follow-up covers.
    case
        when follow_up_us >= 604_800_000_000 then 604800
        when follow_up_us >= 259_200_000_000 then 259200
        when follow_up_us >= 86_400_000_000 then 86400
        when follow_up_us >= 1_800_000_000 then 1800
        when follow_up_us >= 60_000_000 then 60
        when follow_up_us >= 10_000_000 then 10
        when follow_up_us >= 5_000_000 then 5
        else 0
    end as followed_seconds,
    count(*) as n,
    count(*) filter (follow_up_us > 0) as n_at_risk
from finisher
group by all;

create table direct.continuation as
with cell as (
    select series_id, surface, unnest(range(1, total_episodes)) as episode_seq
    from (
        select distinct series_id, surface from visit
        union
        select distinct series_id, 'all' from visit
    )
    inner join reference.series using (series_id)
),
asked as (
    select mode, window_seconds
    from (values ('all'), ('autoplay'), ('active')) as modes (mode)
    cross join (values (5), (10), (60), (1800), (86400), (259200), (604800)) as windows (window_seconds)
),
answered as (
    select
        *,
        -- A start of the other kind is no event: that viewer stays at risk to the end of follow-up.
        coalesce(within_seconds <= window_seconds and (mode = 'all' or (mode = 'autoplay') = is_autoplay), false)
            as has_event
    from finisher_kind
    cross join asked
),
counted as (
    select
        series_id,
        coalesce(surface, 'all') as surface,
        episode_seq,
        mode,
        window_seconds,
        sum(n_at_risk)::bigint as n_at_risk,
        coalesce(sum(n) filter (has_event), 0)::bigint as n_event,
        coalesce(sum(n) filter (not has_event and followed_seconds < window_seconds), 0)::bigint as n_censored
    from answered
    group by grouping sets ((surface), ()), series_id, episode_seq, mode, window_seconds
)
select
    series_id,
    surface,
    episode_seq,
    window_seconds,
    mode,
    coalesce(n_at_risk, 0) as n_at_risk,
    coalesce(n_event, 0) as n_event,
    coalesce(n_censored, 0) as n_censored
from cell
cross join asked
left join counted using (series_id, surface, episode_seq, mode, window_seconds);
