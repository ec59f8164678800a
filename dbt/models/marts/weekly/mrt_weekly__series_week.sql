with

plays as (
    select * from {{ ref('fct_play') }}
),

transitions as (
    select * from {{ ref('fct_episode_transition') }}
),

offers as (
    select * from {{ ref('fct_offer') }}
),

unlocks as (
    select * from {{ ref('fct_unlock') }}
),

impressions as (
    select * from {{ ref('fct_ad_impression') }}
),

series as (
    select * from {{ ref('dim_series') }}
),

-- A week is complete when every feed the row is made of has been heard of past its end.
clock as (
    select
        min(as_of) as as_of,
        max(as_of) as latest_as_of
    from {{ ref('int_feed_as_of') }}
    where feed in ('views', 'unlocks', 'ads')
),

plays_by_week as (
    select
        series_id,
        {{ monday_of('start_date') }} as week_start,
        count(distinct case when is_start then viewer_key end) as n_viewers,
        sum(case when is_start then 1 else 0 end) as n_starts,
        sum(play_ms) as play_ms
    from plays
    where is_counted
    group by series_id, {{ monday_of('start_date') }}
),

starters_by_week as (
    select
        series_id,
        cohort_week as week_start,
        count(*) as n_starters
    from transitions
    where is_entry and episode_seq = 1
    group by series_id, cohort_week
),

completions_by_week as (
    select
        series_id,
        {{ monday_of(utc_date('completed_at')) }} as week_start,
        count(*) as n_completions
    from transitions
    where completed_at is not null
    group by series_id, {{ monday_of(utc_date('completed_at')) }}
),

gate_viewers as (
    select distinct
        series_id,
        {{ monday_of('offered_date') }} as week_start,
        viewer_key
    from offers
    where not is_test and viewer_key is not null
),

unlocking_viewers as (
    select distinct
        series_id,
        {{ monday_of('unlocked_date') }} as week_start,
        viewer_key
    from unlocks
    where not is_test and viewer_key is not null and unlocked_date is not null
),

gates_by_week as (
    select
        gate_viewers.series_id,
        gate_viewers.week_start,
        count(*) as n_gate_viewers,
        count(unlocking_viewers.viewer_key) as n_gate_unlockers
    from gate_viewers
    left join unlocking_viewers
        on gate_viewers.series_id = unlocking_viewers.series_id
        and gate_viewers.week_start = unlocking_viewers.week_start
        and gate_viewers.viewer_key = unlocking_viewers.viewer_key
    group by gate_viewers.series_id, gate_viewers.week_start
),

-- Money of the unlocks of the week less what came back since. Only dollars are added up; other money has no sum here.
unlocks_by_week as (
    select
        series_id,
        {{ monday_of('unlocked_date') }} as week_start,
        case
            when sum(case when net_micros is not null and coalesce(currency, '') <> 'USD' then 1 else 0 end) = 0
                then coalesce(sum(net_micros), 0)
        end as unlock_net_micros,
        sum(case when token_paid > 0 and price_micros is null then 1 else 0 end) as n_unpriced_unlocks
    from unlocks
    where not is_test and unlocked_date is not null
    group by series_id, {{ monday_of('unlocked_date') }}
),

impressions_by_week as (
    select
        series_id,
        {{ monday_of('event_date') }} as week_start,
        sum(case when event_type = 'impression' then 1 else 0 end) as ad_impressions,
        sum(case when event_type = 'impression' and revenue_micros is null then 1 else 0 end) as n_unpriced_impressions,
        -- Without any reported revenue the sum is unknown and not 0.
        case
            when sum(case when revenue_micros is not null and coalesce(currency, '') <> 'USD' then 1 else 0 end) = 0
                then sum(revenue_micros)
        end as ad_revenue_micros
    from impressions
    where is_counted and series_id is not null
    group by series_id, {{ monday_of('event_date') }}
),

active_weeks as (
    select series_id, week_start from plays_by_week
    union
    select series_id, week_start from completions_by_week
    union
    select series_id, week_start from gates_by_week
    union
    select series_id, week_start from unlocks_by_week
    union
    select series_id, week_start from impressions_by_week
),

life as (
    select
        active_weeks.series_id,
        series.studio_id,
        min(active_weeks.week_start) as first_week,
        {{ monday_of(utc_date('max(clock.latest_as_of)')) }} as last_week
    from active_weeks
    inner join series
        on active_weeks.series_id = series.series_id
    cross join clock
    group by active_weeks.series_id, series.studio_id
),

-- Every week from the first sign of life on, so that a week without viewers is a zero and not a gap.
week_numbers as (
    select
        series_id,
        studio_id,
        first_week,
        {{ each_integer(0, whole_quotient(days_between('first_week', 'last_week'), 7)) }} as week_no
    from life
),

series_weeks as (
    select
        series_id,
        studio_id,
        {{ add_days('first_week', 'week_no * 7') }} as week_start
    from week_numbers
),

final as (
    select
        series_weeks.series_id,
        series_weeks.studio_id,
        cast(series_weeks.week_start as string) as week_start,
        coalesce(starters_by_week.n_starters, 0) as n_starters,
        coalesce(plays_by_week.n_viewers, 0) as n_viewers,
        cast(coalesce(plays_by_week.n_starts, 0) as bigint) as n_starts,
        coalesce(completions_by_week.n_completions, 0) as n_completions,
        cast({{ whole_quotient('coalesce(plays_by_week.play_ms, 0)', 1000) }} as bigint) as watch_seconds,
        coalesce(gates_by_week.n_gate_viewers, 0) as n_gate_viewers,
        coalesce(gates_by_week.n_gate_unlockers, 0) as n_gate_unlockers,
        cast(
            case when unlocks_by_week.series_id is null then 0 else unlocks_by_week.unlock_net_micros end as bigint
        ) as unlock_net_micros,
        cast(coalesce(unlocks_by_week.n_unpriced_unlocks, 0) as bigint) as n_unpriced_unlocks,
        cast(coalesce(impressions_by_week.ad_impressions, 0) as bigint) as ad_impressions,
        cast(coalesce(impressions_by_week.n_unpriced_impressions, 0) as bigint) as n_unpriced_impressions,
        cast(
            case when impressions_by_week.series_id is null then 0 else impressions_by_week.ad_revenue_micros end as bigint
        ) as ad_revenue_micros,
        {{ start_of_day(add_days('series_weeks.week_start', 7)) }} <= clock.as_of as is_complete_week
    from series_weeks
    cross join clock
    left join starters_by_week
        on series_weeks.series_id = starters_by_week.series_id
        and series_weeks.week_start = starters_by_week.week_start
    left join plays_by_week
        on series_weeks.series_id = plays_by_week.series_id
        and series_weeks.week_start = plays_by_week.week_start
    left join completions_by_week
        on series_weeks.series_id = completions_by_week.series_id
        and series_weeks.week_start = completions_by_week.week_start
    left join gates_by_week
        on series_weeks.series_id = gates_by_week.series_id
        and series_weeks.week_start = gates_by_week.week_start
    left join unlocks_by_week
        on series_weeks.series_id = unlocks_by_week.series_id
        and series_weeks.week_start = unlocks_by_week.week_start
    left join impressions_by_week
        on series_weeks.series_id = impressions_by_week.series_id
        and series_weeks.week_start = impressions_by_week.week_start
)

select * from final
