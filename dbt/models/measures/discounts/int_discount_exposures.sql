-- Viewers of an experiment on prices, by the first priced offer they saw and the arm it was shown in. Whoever was assigned
-- but never met a price is not in it, in either arm; whoever saw both arms stays in the first (intention to treat).
with

offers as (
    select * from {{ ref('fct_offer') }}
),

plays as (
    select * from {{ ref('fct_play') }}
),

unlocks as (
    select * from {{ ref('fct_unlock') }}
),

ranked as (
    select
        experiment_id,
        viewer_key,
        arm,
        surface,
        offered_at as exposed_at,
        list_price_tokens,
        offered_price_tokens,
        row_number() over (
            partition by experiment_id, viewer_key
            order by offered_at, source, order_id, line_no
        ) as offer_no
    from offers
    where
        experiment_id is not null
        and arm is not null
        and viewer_key is not null
        and offered_price_tokens is not null
        and not is_test
),

exposures as (
    select *
    from ranked
    where offer_no = 1
),

-- What was known of the viewer before the price was.
watched as (
    select
        exposures.experiment_id,
        exposures.viewer_key,
        {{ whole_quotient('sum(coalesce(plays.play_ms, 0))', '1000') }} as watch_seconds
    from exposures
    inner join plays
        on exposures.viewer_key = plays.viewer_key
        and exposures.exposed_at > plays.start_at
        and {{ microseconds_between('plays.start_at', 'exposures.exposed_at') }} <= {{ var('covariate_days', 28) * 86400000000 }}
    where plays.is_counted
    group by exposures.experiment_id, exposures.viewer_key
),

spent as (
    select
        exposures.experiment_id,
        exposures.viewer_key,
        sum(coalesce(unlocks.price_micros, 0)) as spend_micros
    from exposures
    inner join unlocks
        on exposures.viewer_key = unlocks.viewer_key
        and exposures.exposed_at > unlocks.unlocked_at
        and {{ microseconds_between('unlocks.unlocked_at', 'exposures.exposed_at') }} <= {{ var('covariate_days', 28) * 86400000000 }}
    where not unlocks.is_test
    group by exposures.experiment_id, exposures.viewer_key
),

final as (
    select
        exposures.experiment_id,
        exposures.viewer_key,
        exposures.arm,
        exposures.surface,
        exposures.exposed_at,
        exposures.list_price_tokens,
        exposures.offered_price_tokens,
        cast(coalesce(watched.watch_seconds, 0) as bigint) as watch_seconds,
        cast(coalesce(spent.spend_micros, 0) as bigint) as spend_micros,
        case when watched.viewer_key is null then 1 else 0 end as is_unseen
    from exposures
    left join watched
        on exposures.experiment_id = watched.experiment_id
        and exposures.viewer_key = watched.viewer_key
    left join spent
        on exposures.experiment_id = spent.experiment_id
        and exposures.viewer_key = spent.viewer_key
)

select * from final
