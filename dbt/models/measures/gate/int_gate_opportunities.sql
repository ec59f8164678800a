-- Every viewer who started an episode on the first pass while the next one was locked for them, with when each thing
-- happened that decides how it ended. Locked for them: the terms of series, surface, market and moment ask for something,
-- and the viewer had no right to the next episode yet. Durations are microseconds since the start.
with

transitions as (
    select * from {{ ref('fct_episode_transition') }}
),

episode_access as (
    select * from {{ ref('stg_reference__episode_access') }}
),

unlocked_episodes as (
    select * from {{ ref('int_gate_unlocked_episodes') }}
),

offers as (
    select * from {{ ref('fct_offer') }}
),

ads as (
    select * from {{ ref('stg_raw__ads') }}
),

-- Follow-up ends with the feed that is least far: what the others would say is not known beyond it.
clock as (
    select min(as_of) as as_of
    from {{ ref('int_feed_as_of') }}
    where feed in ('views', 'unlocks', 'ads')
),

passes as (
    select
        transitions.*,
        transitions.episode_seq + 1 as gate_episode_seq
    from transitions
    inner join clock
        on transitions.started_at <= clock.as_of
    where
        transitions.is_first_pass
        and not transitions.is_last_episode
        -- Whoever plays this episode on a running pass has the next one open too.
        and transitions.access_type not in ('subscription', 'vip')
),

-- A market's own term goes before the one for all.
terms as (
    select
        passes.viewer_key,
        passes.series_id,
        passes.episode_seq,
        episode_access.is_free,
        row_number() over (
            partition by passes.viewer_key, passes.series_id, passes.episode_seq
            order by
                case when episode_access.country = '*' then 1 else 0 end,
                episode_access.valid_from desc
        ) as term_no
    from passes
    inner join episode_access
        on passes.series_id = episode_access.series_id
        and passes.gate_episode_seq = episode_access.episode_seq
        and passes.surface = episode_access.surface
        and (episode_access.country = '*' or episode_access.country = passes.country)
        and passes.started_at >= episode_access.valid_from
        and (episode_access.valid_to is null or passes.started_at < episode_access.valid_to)
),

locked as (
    select
        passes.viewer_key,
        passes.series_id,
        passes.surface,
        passes.episode_seq,
        passes.gate_episode_seq,
        passes.cohort_week,
        passes.access_type,
        passes.started_at,
        passes.completed_at,
        passes.next_started_at,
        unlocked_episodes.unlocked_at,
        unlocked_episodes.unlock_method
    from passes
    inner join terms
        on passes.viewer_key = terms.viewer_key
        and passes.series_id = terms.series_id
        and passes.episode_seq = terms.episode_seq
        and terms.term_no = 1
    left join unlocked_episodes
        on passes.viewer_key = unlocked_episodes.viewer_key
        and passes.series_id = unlocked_episodes.series_id
        and passes.gate_episode_seq = unlocked_episodes.episode_seq
    where
        not terms.is_free
        and (unlocked_episodes.unlocked_at is null or unlocked_episodes.unlocked_at > passes.started_at)
),

shown as (
    select
        locked.viewer_key,
        locked.series_id,
        locked.episode_seq,
        min(offers.offered_at) as offered_at
    from locked
    inner join offers
        on locked.viewer_key = offers.viewer_key
        and locked.series_id = offers.series_id
        and locked.gate_episode_seq between offers.episode_seq_from and offers.episode_seq_to
        and locked.started_at <= offers.offered_at
    where not offers.is_test
    group by locked.viewer_key, locked.series_id, locked.episode_seq
),

tried as (
    select
        locked.viewer_key,
        locked.series_id,
        locked.episode_seq,
        min(ads.event_at) as ad_tried_at
    from locked
    inner join ads
        on locked.viewer_key = ads.viewer_key
        and locked.series_id = ads.series_id
        and locked.gate_episode_seq = ads.episode_seq
        and locked.started_at <= ads.event_at
    where ads.ad_format = 'rewarded' and not ads.is_test and not ads.is_invalid
    group by locked.viewer_key, locked.series_id, locked.episode_seq
),

-- By what right the next later episode was played: says how the viewer passed when the unlock itself was never logged.
played as (
    select
        locked.viewer_key,
        locked.series_id,
        locked.episode_seq,
        min(later.access_type) as next_access_type
    from locked
    inner join transitions as later
        on locked.viewer_key = later.viewer_key
        and locked.series_id = later.series_id
        and locked.next_started_at = later.started_at
        and locked.episode_seq < later.episode_seq
    group by locked.viewer_key, locked.series_id, locked.episode_seq
),

followed as (
    select
        locked.viewer_key,
        locked.series_id,
        locked.surface,
        locked.gate_episode_seq,
        locked.cohort_week,
        locked.access_type = 'free' as is_first_lock,
        case
            when locked.unlocked_at is not null and locked.unlocked_at <= coalesce(locked.next_started_at, locked.unlocked_at)
                then locked.unlock_method
            else played.next_access_type
        end as pass_method,
        {{ microseconds_between('locked.started_at', 'clock.as_of') }} as follow_up_us,
        {{ microseconds_between('locked.started_at', 'locked.completed_at') }} as completed_us,
        {{ microseconds_between('locked.started_at', 'shown.offered_at') }} as offered_us,
        {{ microseconds_between('locked.started_at', 'tried.ad_tried_at') }} as ad_tried_us,
        {{ microseconds_between('locked.started_at', 'least(locked.unlocked_at, locked.next_started_at)') }} as passed_us
    from locked
    cross join clock
    left join shown
        on locked.viewer_key = shown.viewer_key
        and locked.series_id = shown.series_id
        and locked.episode_seq = shown.episode_seq
    left join tried
        on locked.viewer_key = tried.viewer_key
        and locked.series_id = tried.series_id
        and locked.episode_seq = tried.episode_seq
    left join played
        on locked.viewer_key = played.viewer_key
        and locked.series_id = played.series_id
        and locked.episode_seq = played.episode_seq
),

-- What another feed already tells of the time after the clock waits until all feeds have come that far.
final as (
    select
        viewer_key,
        series_id,
        surface,
        gate_episode_seq,
        cohort_week,
        is_first_lock,
        follow_up_us,
        completed_us,
        offered_us,
        ad_tried_us,
        case when passed_us <= follow_up_us then passed_us end as passed_us,
        case
            when passed_us > follow_up_us or passed_us is null then null
            when pass_method in ('beans', 'coin') then 'coin_unlock'
            when pass_method in ('ad_reward', 'ad') then 'ad_unlock'
            when pass_method in ('subscription', 'vip_pass', 'vip') then 'subscription_pass'
            -- Given away: a promotion, or terms that made the episode free in the meantime.
            when pass_method in ('promo', 'free') then 'promo_pass'
        end as pass_outcome
    from followed
)

select * from final
