{#- What a playback is by its first row; the rows after it only add to how it went. -#}
{%- set first_row_columns = [
    'viewer_key', 'session_id', 'series_id', 'episode_seq', 'surface', 'country', 'os', 'app_version', 'entry_point', 'access_type',
] -%}
{%- set packed_columns = {} -%}
{%- for column in first_row_columns -%}
    {%- do packed_columns.update({column: 'views.' ~ column}) -%}
{%- endfor -%}
-- Each affected playback as a whole. Its first row says what and whose it is.
with

views as (
    select * from {{ ref('stg_raw__views') }}
),

feed_as_of as (
    select * from {{ ref('int_feed_as_of') }}
),

grouped as (
    select
        views.app_id,
        views.playback_id,
        min_by(
            {{ pack(packed_columns) }},
            {{ pack({
                'event_at': 'views.event_at',
                'watched_ms': 'coalesce(views.watched_ms, -1)',
                'position_ms': 'views.position_ms',
                'event_id': 'views.event_id',
            }) }}
        ) as first_row,
        max(views.unlock_order_id) as unlock_order_id,
        coalesce(
            min(case when views.event_type = 'start' then views.event_at end),
            min(views.event_at)
        ) as start_at,
        max(views.event_at) as last_event_at,
        max(views.watched_ms) as play_ms,
        max(views.position_ms) as furthest_position_ms,
        -- The start row tells how the playback began; other rows only when it was lost.
        coalesce(
            bool_or(case when views.event_type = 'start' then views.is_autoplay_next end),
            bool_or(views.is_autoplay_next)
        ) as is_autoplay_next,
        count(*) as event_count,
        sum(case when views.event_type = 'seek' then 1 else 0 end) as seek_count,
        bool_or(views.event_type = 'start') as has_start_event,
        bool_or(views.event_type = 'error') as has_error,
        bool_or(views.is_test) as is_test,
        bool_or(views.is_invalid) as is_invalid,
        min(views.viewer_key) <> max(views.viewer_key) as is_shared
    from views
    inner join feed_as_of
        on feed_as_of.feed = 'views'
        and views.event_at <= feed_as_of.as_of
    where {{ is_affected('playbacks', 'views') }}
    group by views.app_id, views.playback_id
),

playbacks as (
    select
        app_id,
        playback_id,
        {%- for column in first_row_columns %}
        first_row.{{ column }} as {{ column }},
        {%- endfor %}
        unlock_order_id,
        start_at,
        last_event_at,
        play_ms,
        furthest_position_ms,
        is_autoplay_next,
        event_count,
        seek_count,
        has_start_event,
        has_error,
        is_test,
        is_invalid,
        not is_test and not is_invalid as is_counted,
        is_shared
    from grouped
)

select * from playbacks
