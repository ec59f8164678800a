-- The player events of affected playbacks in the order they happened, each with the row before it.
with

views as (
    select * from {{ ref('stg_raw__views') }}
),

feed_as_of as (
    select * from {{ ref('int_feed_as_of') }}
),

affected as (
    select views.*
    from views
    inner join feed_as_of
        on feed_as_of.feed = 'views'
        and views.event_at <= feed_as_of.as_of
    where {{ is_affected('playbacks', 'views') }}
),

ordered as (
    select
        app_id,
        playback_id,
        viewer_key,
        session_id,
        surface,
        series_id,
        episode_seq,
        event_type,
        event_at,
        position_ms,
        watched_ms,
        is_autoplay_next,
        entry_point,
        access_type,
        unlock_order_id,
        country,
        os,
        app_version,
        is_test,
        is_invalid,
        row_number() over playback_order as row_no,
        lag(position_ms) over playback_order as previous_position_ms,
        lag(watched_ms) over playback_order as previous_watched_ms
    from affected
    window playback_order as (
        partition by app_id, playback_id
        order by event_at, watched_ms nulls first, position_ms, event_id
    )
)

select * from ordered
