{{ config(
    materialized='incremental',
    incremental_strategy='replace_affected',
    affected_by='viewers',
    on_schema_change='fail',
) }}

with

plays as (
    select * from {{ ref('fct_play') }}
),

content as (
    select * from {{ ref('int_episode_content') }}
),

series as (
    select * from {{ ref('dim_series') }}
),

episodes as (
    select * from {{ ref('dim_episode') }}
),

listings as (
    select * from {{ ref('stg_reference__series_listings') }}
),

durations as (
    select * from {{ ref('int_episode_durations') }}
),

starts as (
    select
        viewer_key,
        app_id,
        series_id,
        episode_seq,
        playback_id,
        surface,
        country,
        access_type,
        start_at as started_at,
        coalesce(is_autoplay_next, false) as is_autoplay,
        row_number() over (
            partition by viewer_key, series_id, episode_seq
            order by start_at, playback_id
        ) as start_no
    from plays
    where
        is_counted
        and is_start
        and {{ is_affected('viewers', 'plays') }}
),

first_starts as (
    select *
    from starts
    where start_no = 1
),

entries as (
    select
        viewer_key,
        series_id,
        episode_seq as entry_episode_seq,
        surface as entry_surface,
        started_at as entered_at,
        {{ monday_of(utc_date('started_at')) }} as cohort_week,
        row_number() over (
            partition by viewer_key, series_id
            order by started_at, episode_seq
        ) as entry_no
    from first_starts
),

with_neighbours as (
    select
        *,
        min(started_at) over (
            partition by viewer_key, series_id
            order by episode_seq
            rows between 1 following and unbounded following
        ) as later_started_at,
        lead(episode_seq) over (
            partition by viewer_key, series_id
            order by episode_seq
        ) as following_episode_seq,
        lead(started_at) over (
            partition by viewer_key, series_id
            order by episode_seq
        ) as following_started_at,
        lead(is_autoplay) over (
            partition by viewer_key, series_id
            order by episode_seq
        ) as following_is_autoplay
    from first_starts
),

completions as (
    select *
    from content
    where completed_at is not null
),

-- Every surface a series was ever listed on is bound by its listings; on the others nothing is known against it.
listed_surfaces as (
    select distinct
        series_id,
        surface
    from listings
),

listed_completions as (
    select distinct
        completions.viewer_key,
        completions.series_id,
        completions.episode_seq
    from completions
    inner join listings
        on completions.series_id = listings.series_id
        and completions.completed_surface = listings.surface
        and completions.completed_at >= listings.valid_from
        and (listings.valid_to is null or completions.completed_at < listings.valid_to)
    where listings.listing_status = 'active'
),

final as (
    select
        first_starts.viewer_key,
        first_starts.app_id,
        first_starts.series_id,
        first_starts.episode_seq,
        first_starts.playback_id,
        first_starts.surface,
        first_starts.country,
        first_starts.access_type,
        first_starts.started_at,
        first_starts.is_autoplay,
        entries.entry_episode_seq,
        entries.entry_surface,
        entries.entered_at,
        entries.cohort_week,
        first_starts.episode_seq = entries.entry_episode_seq as is_entry,
        coalesce(first_starts.later_started_at >= first_starts.started_at, true) as is_first_pass,
        case when first_starts.later_started_at >= first_starts.started_at then first_starts.later_started_at end as next_started_at,
        case
            when first_starts.following_episode_seq = first_starts.episode_seq + 1 then first_starts.following_started_at
        end as next_episode_started_at,
        case
            when first_starts.following_episode_seq = first_starts.episode_seq + 1 then first_starts.following_is_autoplay
        end as next_is_autoplay,
        first_starts.episode_seq >= series.total_episodes as is_last_episode,
        durations.duration_ms,
        coalesce(content.content_ms, 0) as content_ms,
        content.completed_80_at,
        content.completed_at,
        content.completed_99_at,
        content.completed_surface,
        case
            when content.completed_at is not null then coalesce(next_episodes.published_at <= content.completed_at, false)
        end as is_next_published,
        case
            when content.completed_at is not null
                then listed_surfaces.series_id is null or listed_completions.viewer_key is not null
        end as is_listed
    from with_neighbours as first_starts
    inner join entries
        on first_starts.viewer_key = entries.viewer_key
        and first_starts.series_id = entries.series_id
        and entries.entry_no = 1
    left join content
        on first_starts.viewer_key = content.viewer_key
        and first_starts.series_id = content.series_id
        and first_starts.episode_seq = content.episode_seq
    left join durations
        on first_starts.series_id = durations.series_id
        and first_starts.episode_seq = durations.episode_seq
    left join series
        on first_starts.series_id = series.series_id
    left join episodes as next_episodes
        on first_starts.series_id = next_episodes.series_id
        and first_starts.episode_seq + 1 = next_episodes.episode_seq
    left join listed_surfaces
        on first_starts.series_id = listed_surfaces.series_id
        and content.completed_surface = listed_surfaces.surface
    left join listed_completions
        on first_starts.viewer_key = listed_completions.viewer_key
        and first_starts.series_id = listed_completions.series_id
        and first_starts.episode_seq = listed_completions.episode_seq
)

select * from final
