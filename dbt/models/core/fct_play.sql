{{ config(
    materialized='incremental',
    incremental_strategy='replace_affected',
    affected_by='viewers',
    on_schema_change='fail',
) }}

with

playbacks as (
    select * from {{ ref('int_playbacks') }}
),

content as (
    select * from {{ ref('int_episode_content') }}
),

final as (
    select
        playbacks.app_id,
        playbacks.playback_id,
        playbacks.viewer_key,
        playbacks.session_id,
        playbacks.series_id,
        playbacks.episode_seq,
        playbacks.surface,
        playbacks.country,
        playbacks.os,
        playbacks.app_version,
        playbacks.entry_point,
        playbacks.access_type,
        playbacks.unlock_order_id,
        playbacks.start_at,
        {{ utc_date('playbacks.start_at') }} as start_date,
        playbacks.last_event_at,
        playbacks.play_ms,
        playbacks.furthest_position_ms,
        coalesce(playbacks.play_ms >= {{ var('start_ms') }}, true) as is_start,
        coalesce(playbacks.play_ms >= {{ var('engaged_start_ms') }}, false) as is_engaged_start,
        playbacks.is_autoplay_next,
        case
            when playbacks.is_counted
                then coalesce(content.completed_at <= playbacks.last_event_at, false)
        end as is_completed,
        playbacks.event_count,
        cast(playbacks.seek_count as bigint) as seek_count,
        playbacks.has_start_event,
        playbacks.has_error,
        playbacks.is_test,
        playbacks.is_invalid,
        playbacks.is_counted,
        playbacks.is_shared
    from playbacks
    left join content
        on playbacks.viewer_key = content.viewer_key
        and playbacks.series_id = content.series_id
        and playbacks.episode_seq = content.episode_seq
    where {{ is_affected('viewers', 'playbacks') }}
)

select * from final
