-- When each viewer had seen 90% of an episode, each content millisecond counted once over all playbacks, and where.

-- The content that each row of a playback has added to the one before it, in the order the viewer saw it.
create temp table segment as
with step as (
    select
        app_id,
        playback_id,
        event_type,
        event_ts,
        watched_ms,
        position_ms,
        lag(position_ms) over log_order as from_ms,
        lag(watched_ms) over log_order as watched_before_ms
    from raw.views
    where event_ts <= (select as_of from clock)
    window log_order as (
        partition by app_id, playback_id
        order by event_ts, watched_ms nulls first, position_ms, event_id
    )
),
played as (
    select
        *,
        case
            when watched_ms is not null and watched_before_ms is not null then greatest(watched_ms - watched_before_ms, 0)
            when event_type = 'seek' then 0
            else greatest(position_ms - from_ms, 0)
        end as played_ms
    from step
    where from_ms is not null
),
capped as (
    select
        app_id,
        playback_id,
        event_ts,
        watched_ms,
        from_ms,
        case
            when event_type <> 'seek' and position_ms >= from_ms then least(played_ms, position_ms - from_ms)
            else played_ms
        end as content_ms
    from played
)
select
    viewer_key,
    series_id,
    episode_seq,
    surface,
    event_ts,
    from_ms,
    from_ms + content_ms as to_ms,
    row_number() over viewing_order as segment_no,
    max(from_ms + content_ms) over (viewing_order rows between unbounded preceding and 1 preceding) as furthest_ms,
    sum(content_ms) over (viewing_order rows unbounded preceding) as played_ms
from capped
inner join play using (app_id, playback_id)
where content_ms > 0
window viewing_order as (
    partition by viewer_key, series_id, episode_seq
    order by event_ts, watched_ms nulls first, from_ms, content_ms, playback_id
);

create temp table duration as
select
    series_id,
    episode_seq,
    coalesce(catalogue.duration_ms, reported.duration_ms) as duration_ms
from (
    select series_id, episode_seq, duration_ms
    from reference.episodes
    where duration_ms > 0
) as catalogue
full join (
    select series_id, episode_seq, max(duration_ms) as duration_ms
    from raw.views
    where event_ts <= (select as_of from clock)
    group by series_id, episode_seq
    having max(duration_ms) > 0
) as reported using (series_id, episode_seq);

-- Where play only ever went on past the furthest point, what was played is what was seen.
create temp table straight_completion as
select
    viewer_key,
    series_id,
    episode_seq,
    coalesce(bool_or(from_ms < furthest_ms), false) as is_folded,
    min(event_ts) filter (played_ms * 100 >= duration_ms * 90) as completed_at,
    arg_min(surface, segment_no) filter (played_ms * 100 >= duration_ms * 90) as surface
from segment
inner join duration using (series_id, episode_seq)
group by viewer_key, series_id, episode_seq
having sum(to_ms - from_ms) * 100 >= max(duration_ms) * 90;

-- Elsewhere the episode is cut at every end of a segment, and each piece counts when it was first seen.
create temp table folded_completion as
with segment as (
    select segment.*
    from segment as segment
    semi join (select * from straight_completion where is_folded) as folded
        using (viewer_key, series_id, episode_seq)
),
piece as (
    select
        viewer_key,
        series_id,
        episode_seq,
        end_ms as from_ms,
        lead(end_ms) over (partition by viewer_key, series_id, episode_seq order by end_ms) as to_ms
    from (
        select viewer_key, series_id, episode_seq, from_ms as end_ms from segment
        union
        select viewer_key, series_id, episode_seq, to_ms from segment
    )
),
first_seen as (
    select
        viewer_key,
        series_id,
        episode_seq,
        piece.to_ms - piece.from_ms as content_ms,
        min(segment_no) as segment_no,
        arg_min(event_ts, segment_no) as event_ts,
        arg_min(surface, segment_no) as surface
    from piece
    inner join segment using (viewer_key, series_id, episode_seq)
    where segment.from_ms <= piece.from_ms and segment.to_ms >= piece.to_ms
    group by viewer_key, series_id, episode_seq, piece.from_ms, piece.to_ms
),
running as (
    select
        *,
        sum(content_ms) over (
            partition by viewer_key, series_id, episode_seq
            order by segment_no
        ) as seen_ms
    from first_seen
)
select
    viewer_key,
    series_id,
    episode_seq,
    min(event_ts) as completed_at,
    arg_min(surface, segment_no) as surface
from running
inner join duration using (series_id, episode_seq)
where seen_ms * 100 >= duration_ms * 90
group by viewer_key, series_id, episode_seq;

create temp table completion as
select viewer_key, series_id, episode_seq, completed_at, surface
from straight_completion
where not is_folded
union all
select * from folded_completion;
