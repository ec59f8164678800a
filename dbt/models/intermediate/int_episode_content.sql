-- How much of an episode a viewer has seen, each content second once over all playbacks, and when thresholds were reached.
-- Source of the rule: content second = position actually played, so a seek adds nothing and a rewatch adds nothing.
with

play_steps as (
    select * from {{ ref('int_play_steps') }}
),

playbacks as (
    select * from {{ ref('int_playbacks') }}
),

durations as (
    select * from {{ ref('int_episode_durations') }}
),

played as (
    select
        *,
        case
            when watched_ms is not null and previous_watched_ms is not null
                then greatest(watched_ms - previous_watched_ms, 0)
            when event_type = 'seek'
                then 0
            else greatest(position_ms - previous_position_ms, 0)
        end as played_ms
    from play_steps
),

-- On a row that moved forward by playing, no more content can have been seen than the position moved.
capped as (
    select
        *,
        case
            when event_type <> 'seek' and position_ms >= previous_position_ms
                then least(played_ms, position_ms - previous_position_ms)
            else played_ms
        end as content_ms
    from played
),

segments as (
    select
        playbacks.viewer_key,
        playbacks.series_id,
        playbacks.episode_seq,
        playbacks.surface,
        capped.event_at,
        capped.previous_position_ms as from_ms,
        capped.previous_position_ms + capped.content_ms as to_ms,
        row_number() over episode_order as segment_no,
        max(capped.previous_position_ms + capped.content_ms) over earlier_segments as furthest_ms,
        min(capped.previous_position_ms) over earlier_segments as first_ms
    from capped
    inner join playbacks
        on capped.app_id = playbacks.app_id
        and capped.playback_id = playbacks.playback_id
    where
        capped.content_ms > 0
        and playbacks.is_counted
        and {{ is_affected('viewers', 'playbacks') }}
    window
        episode_order as (
            partition by playbacks.viewer_key, playbacks.series_id, playbacks.episode_seq
            order by
                capped.event_at,
                capped.watched_ms nulls first,
                capped.previous_position_ms,
                capped.content_ms,
                capped.playback_id
        ),
        earlier_segments as (
            partition by playbacks.viewer_key, playbacks.series_id, playbacks.episode_seq
            order by
                capped.event_at,
                capped.watched_ms nulls first,
                capped.previous_position_ms,
                capped.content_ms,
                capped.playback_id
            rows between unbounded preceding and 1 preceding
        )
),

-- What lies below the furthest point is all seen, unless a gap was left and play went back, or play began before the first
-- point. Only these episodes need their segments cut into pieces.
folded_episodes as (
    select
        viewer_key,
        series_id,
        episode_seq
    from segments
    group by viewer_key, series_id, episode_seq
    having
        (max(case when from_ms > furthest_ms then 1 else 0 end) = 1 and max(case when from_ms < furthest_ms then 1 else 0 end) = 1)
        or max(case when from_ms < first_ms then 1 else 0 end) = 1
),

folded_segments as (
    select segments.*
    from segments
    inner join folded_episodes
        on segments.viewer_key = folded_episodes.viewer_key
        and segments.series_id = folded_episodes.series_id
        and segments.episode_seq = folded_episodes.episode_seq
),

ends as (
    select viewer_key, series_id, episode_seq, from_ms as end_ms from folded_segments
    union
    select viewer_key, series_id, episode_seq, to_ms as end_ms from folded_segments
),

pieces as (
    select
        viewer_key,
        series_id,
        episode_seq,
        end_ms as from_ms,
        lead(end_ms) over (
            partition by viewer_key, series_id, episode_seq
            order by end_ms
        ) as to_ms
    from ends
),

first_seen_pieces as (
    select
        pieces.viewer_key,
        pieces.series_id,
        pieces.episode_seq,
        pieces.from_ms,
        pieces.to_ms,
        min(folded_segments.segment_no) as segment_no
    from pieces
    inner join folded_segments
        on pieces.viewer_key = folded_segments.viewer_key
        and pieces.series_id = folded_segments.series_id
        and pieces.episode_seq = folded_segments.episode_seq
        and pieces.from_ms >= folded_segments.from_ms
        and pieces.to_ms <= folded_segments.to_ms
    group by
        pieces.viewer_key,
        pieces.series_id,
        pieces.episode_seq,
        pieces.from_ms,
        pieces.to_ms
),

folded_new_content as (
    select
        viewer_key,
        series_id,
        episode_seq,
        segment_no,
        sum(to_ms - from_ms) as new_ms
    from first_seen_pieces
    group by viewer_key, series_id, episode_seq, segment_no
),

new_content as (
    select
        segments.viewer_key,
        segments.series_id,
        segments.episode_seq,
        segments.surface,
        segments.event_at,
        segments.segment_no,
        case
            when folded_episodes.viewer_key is not null
                then coalesce(folded_new_content.new_ms, 0)
            else greatest(segments.to_ms - greatest(segments.from_ms, coalesce(segments.furthest_ms, segments.from_ms)), 0)
        end as new_ms
    from segments
    left join folded_episodes
        on segments.viewer_key = folded_episodes.viewer_key
        and segments.series_id = folded_episodes.series_id
        and segments.episode_seq = folded_episodes.episode_seq
    left join folded_new_content
        on segments.viewer_key = folded_new_content.viewer_key
        and segments.series_id = folded_new_content.series_id
        and segments.episode_seq = folded_new_content.episode_seq
        and segments.segment_no = folded_new_content.segment_no
),

running as (
    select
        *,
        sum(new_ms) over (
            partition by viewer_key, series_id, episode_seq
            order by segment_no
            rows between unbounded preceding and current row
        ) as seen_ms
    from new_content
),

final as (
    select
        running.viewer_key,
        running.series_id,
        running.episode_seq,
        cast(max(running.seen_ms) as bigint) as content_ms,
        max(durations.duration_ms) as duration_ms,
        min(case when running.seen_ms * 100 >= durations.duration_ms * 80 then running.event_at end) as completed_80_at,
        min(case when running.seen_ms * 100 >= durations.duration_ms * 90 then running.event_at end) as completed_at,
        min(case when running.seen_ms * 100 >= durations.duration_ms * 99 then running.event_at end) as completed_99_at,
        max(
            case
                when
                    running.seen_ms * 100 >= durations.duration_ms * 90
                    and (running.seen_ms - running.new_ms) * 100 < durations.duration_ms * 90
                    then running.surface
            end
        ) as completed_surface
    from running
    left join durations
        on running.series_id = durations.series_id
        and running.episode_seq = durations.episode_seq
    group by running.viewer_key, running.series_id, running.episode_seq
)

select * from final
