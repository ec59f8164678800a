-- Each affected playback as a whole. Its first row says what and whose it is.
with

play_events as (
    select * from {{ ref('int_play_events') }}
),

playbacks as (
    select
        app_id,
        playback_id,
        max(case when row_no = 1 then viewer_key end) as viewer_key,
        max(case when row_no = 1 then session_id end) as session_id,
        max(case when row_no = 1 then series_id end) as series_id,
        max(case when row_no = 1 then episode_seq end) as episode_seq,
        max(case when row_no = 1 then surface end) as surface,
        max(case when row_no = 1 then country end) as country,
        max(case when row_no = 1 then os end) as os,
        max(case when row_no = 1 then app_version end) as app_version,
        max(case when row_no = 1 then entry_point end) as entry_point,
        max(case when row_no = 1 then access_type end) as access_type,
        max(unlock_order_id) as unlock_order_id,
        coalesce(min(case when event_type = 'start' then event_at end), min(event_at)) as start_at,
        max(event_at) as last_event_at,
        max(watched_ms) as play_ms,
        max(position_ms) as furthest_position_ms,
        -- The start row tells how the playback began; other rows only when it was lost.
        coalesce(
            bool_or(case when event_type = 'start' then is_autoplay_next end),
            bool_or(is_autoplay_next)
        ) as is_autoplay_next,
        count(*) as event_count,
        sum(case when event_type = 'seek' then 1 else 0 end) as seek_count,
        bool_or(event_type = 'start') as has_start_event,
        bool_or(event_type = 'error') as has_error,
        bool_or(is_test) as is_test,
        bool_or(is_invalid) as is_invalid,
        not bool_or(is_test or is_invalid) as is_counted,
        min(viewer_key) <> max(viewer_key) as is_shared
    from play_events
    group by app_id, playback_id
)

select * from playbacks
