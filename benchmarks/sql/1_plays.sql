-- One row per playback that counts: whose it is, what it plays, when it started and how.

create temp table clock as
select
    max(received_ts) as as_of,
    cast(timezone('UTC', max(received_ts)) as date) - 1 as last_full_day
from raw.views;

create temp table playback as
select
    app_id,
    playback_id,
    -- The first row says whose it is; a device may sign in half way.
    arg_min(
        {
            'viewer_key': app_id || '|' || coalesce(viewer_id, '~' || anon_id),
            'series_id': series_id,
            'episode_seq': episode_seq,
            'surface': surface
        },
        (event_ts, coalesce(watched_ms, -1), position_ms, event_id)
    ) as first_row,
    coalesce(min(event_ts) filter (event_type = 'start'), min(event_ts)) as start_at,
    coalesce(max(watched_ms) >= 1000, true) as is_start,
    coalesce(
        bool_or(is_autoplay_next) filter (event_type = 'start'),
        bool_or(is_autoplay_next),
        false
    ) as is_autoplay
from raw.views
where event_ts <= (select as_of from clock)
group by app_id, playback_id
having
    not coalesce(bool_or(is_test), false)
    and not coalesce(bool_or(ivt_flag = 'invalid'), false)
    and not coalesce(bool_or((app_id, viewer_id) in (select (app_id, viewer_id) from reference.test_account)), false);

create temp table play as
select
    app_id,
    playback_id,
    first_row.viewer_key as viewer_key,
    first_row.series_id as series_id,
    first_row.episode_seq as episode_seq,
    first_row.surface as surface,
    start_at,
    is_start,
    is_autoplay
from playback;

-- The first start of each episode by each viewer.
create temp table visit as
select
    viewer_key,
    series_id,
    episode_seq,
    min(start_at) as started_at,
    arg_min(surface, (start_at, playback_id)) as surface,
    arg_min(is_autoplay, (start_at, playback_id)) as is_autoplay
from play
where is_start
group by viewer_key, series_id, episode_seq;

-- The first start of a viewer in a series.
create temp table entry as
select
    viewer_key,
    series_id,
    min(started_at) as entered_at,
    arg_min(episode_seq, (started_at, episode_seq)) as episode_seq,
    arg_min(surface, (started_at, episode_seq)) as surface
from visit
group by viewer_key, series_id;
