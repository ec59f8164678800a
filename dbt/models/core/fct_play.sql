{{ config(
    materialized='incremental',
    incremental_strategy='replace_affected',
    affected_by='viewers',
    on_schema_change='fail',
) }}

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
        coalesce(min(case when event_type = 'start' then event_at end), min(event_at)) as started_at,
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
        min(viewer_key) <> max(viewer_key) as is_shared
    from play_events
    group by app_id, playback_id
),

final as (
    select
        app_id,
        playback_id,
        viewer_key,
        session_id,
        series_id,
        episode_seq,
        surface,
        country,
        os,
        app_version,
        entry_point,
        access_type,
        unlock_order_id,
        started_at,
        {{ utc_date('started_at') }} as started_date,
        last_event_at,
        play_ms,
        furthest_position_ms,
        coalesce(play_ms >= {{ var('start_ms') }}, true) as is_start,
        coalesce(play_ms >= {{ var('engaged_start_ms') }}, false) as is_engaged_start,
        is_autoplay_next,
        event_count,
        cast(seek_count as bigint) as seek_count,
        has_start_event,
        has_error,
        is_test,
        is_invalid,
        not is_test and not is_invalid as is_counted,
        is_shared
    from playbacks
    where {{ is_affected('viewers', 'playbacks') }}
)

select * from final
