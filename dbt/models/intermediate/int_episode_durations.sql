-- How long each episode is: the catalogue's word, else the longest length a player reported.
with

episodes as (
    select * from {{ ref('stg_reference__episodes') }}
),

views as (
    select * from {{ ref('stg_raw__views') }}
),

feed_as_of as (
    select * from {{ ref('int_feed_as_of') }}
),

in_catalogue as (
    select
        series_id,
        episode_seq,
        duration_ms
    from episodes
    where duration_ms > 0
),

reported_by_players as (
    select
        views.series_id,
        views.episode_seq,
        max(views.duration_ms) as duration_ms
    from views
    inner join feed_as_of
        on feed_as_of.feed = 'views'
        and views.event_at <= feed_as_of.as_of
    left join in_catalogue
        on views.series_id = in_catalogue.series_id
        and views.episode_seq = in_catalogue.episode_seq
    where in_catalogue.series_id is null
    group by views.series_id, views.episode_seq
    having max(views.duration_ms) > 0
),

all_episodes as (
    select * from in_catalogue
    union all
    select * from reported_by_players
)

select * from all_episodes
