with

series as (
    select * from {{ ref('stg_reference__series') }}
),

episodes as (
    select * from {{ ref('stg_reference__episodes') }}
),

episode_access as (
    select * from {{ ref('stg_reference__episode_access') }}
),

views_as_of as (
    select as_of
    from {{ ref('int_feed_as_of') }}
    where feed = 'views'
),

published as (
    select
        episodes.series_id,
        count(*) as published_episodes,
        {{ utc_date('min(episodes.published_at)') }} as released_on
    from episodes
    inner join views_as_of
        on episodes.published_at <= views_as_of.as_of
    group by episodes.series_id
),

-- The earliest lock that holds at the data-through mark on any surface and market.
gated as (
    select
        episode_access.series_id,
        min(episode_access.episode_seq) as first_gated_episode_seq
    from episode_access
    inner join views_as_of
        on episode_access.valid_from <= views_as_of.as_of
        and (episode_access.valid_to is null or episode_access.valid_to > views_as_of.as_of)
    where not episode_access.is_free
    group by episode_access.series_id
),

final as (
    select
        series.series_id,
        series.studio_id,
        series.title,
        series.language,
        series.genre,
        series.total_episodes,
        coalesce(published.published_episodes, 0) as published_episodes,
        gated.first_gated_episode_seq,
        published.released_on
    from series
    left join published
        on series.series_id = published.series_id
    left join gated
        on series.series_id = gated.series_id
)

select * from final
