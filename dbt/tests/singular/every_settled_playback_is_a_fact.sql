-- The books of the plays: every playback with a row up to the data-through mark is in fct_play once, and no other. A run
-- that carried over too much or too little breaks this.
with

views as (
    select * from {{ ref('stg_raw__views') }}
),

feed_as_of as (
    select * from {{ ref('int_feed_as_of') }}
),

plays as (
    select * from {{ ref('fct_play') }}
),

logged as (
    select
        views.app_id,
        views.playback_id,
        count(*) as event_count
    from views
    inner join feed_as_of
        on feed_as_of.feed = 'views'
        and views.event_at <= feed_as_of.as_of
    group by views.app_id, views.playback_id
)

select
    coalesce(logged.app_id, plays.app_id) as app_id,
    coalesce(logged.playback_id, plays.playback_id) as playback_id,
    logged.event_count as logged_event_count,
    plays.event_count as fact_event_count
from logged
full outer join plays
    on logged.app_id = plays.app_id
    and logged.playback_id = plays.playback_id
where logged.event_count is distinct from plays.event_count
