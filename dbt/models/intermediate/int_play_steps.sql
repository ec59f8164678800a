-- The player events of affected playbacks from their second row on, each with where play stood on the row before it.
with

views as (
    select * from {{ ref('stg_raw__views') }}
),

feed_as_of as (
    select * from {{ ref('int_feed_as_of') }}
),

ordered as (
    select
        views.app_id,
        views.playback_id,
        views.event_type,
        views.event_at,
        views.position_ms,
        views.watched_ms,
        lag(views.position_ms) over playback_order as previous_position_ms,
        lag(views.watched_ms) over playback_order as previous_watched_ms
    from views
    inner join feed_as_of
        on feed_as_of.feed = 'views'
        and views.event_at <= feed_as_of.as_of
    where {{ is_affected('playbacks', 'views') }}
    window playback_order as (
        partition by views.app_id, views.playback_id
        order by views.event_at, views.watched_ms nulls first, views.position_ms, views.event_id
    )
)

-- Every row has a position, so only the first of a playback has none before it.
select *
from ordered
where previous_position_ms is not null
