-- What each exposed viewer did with coins or Beans in the days after exposure, anywhere in the app: an offer that only moved
-- a purchase from one series to another must not look like a gain. One row per exposure and horizon that is over.
with

exposures as (
    select * from {{ ref('int_discount_exposures') }}
),

unlocks as (
    select * from {{ ref('fct_unlock') }}
),

money_events as (
    select * from {{ ref('stg_raw__unlocks') }}
),

clock as (
    select as_of
    from {{ ref('int_feed_as_of') }}
    where feed = 'unlocks'
),

horizons as (
    select horizon_days
    from {{ number_list(var('uplift_horizon_days', [7, 28]), 'listed', 'horizon_days') }}
),

matured as (
    select
        exposures.*,
        horizons.horizon_days
    from exposures
    cross join horizons
    cross join clock
    where {{ microseconds_between('exposures.exposed_at', 'clock.as_of') }} >= horizons.horizon_days * 86400000000
),

coin_lines as (
    select *
    from unlocks
    where unlock_method in ('beans', 'coin') and unlocked_at is not null and viewer_key is not null and not is_test
),

currencies as (
    select
        exposures.experiment_id,
        coin_lines.currency,
        row_number() over (
            partition by exposures.experiment_id
            order by count(*) desc, coin_lines.currency
        ) as currency_no
    from exposures
    inner join coin_lines
        on exposures.viewer_key = coin_lines.viewer_key
    where coin_lines.currency is not null
    group by exposures.experiment_id, coin_lines.currency
),

lines as (
    select
        matured.experiment_id,
        matured.viewer_key,
        matured.horizon_days,
        matured.exposed_at,
        coin_lines.source,
        coin_lines.order_id,
        coin_lines.line_no,
        case
            when coin_lines.token_paid > 0 then coin_lines.episode_seq_to - coin_lines.episode_seq_from + 1
            else 0
        end as paid_units,
        -- Bonus tokens are worth no cash, so a line of them alone has a known value.
        coin_lines.token_paid = 0
        or (coin_lines.price_micros is not null and coin_lines.currency = currencies.currency) as is_valued
    from matured
    inner join coin_lines
        on matured.viewer_key = coin_lines.viewer_key
        and matured.exposed_at <= coin_lines.unlocked_at
        and {{ microseconds_between('matured.exposed_at', 'coin_lines.unlocked_at') }} <= matured.horizon_days * 86400000000
    left join currencies
        on matured.experiment_id = currencies.experiment_id
        and currencies.currency_no = 1
),

-- Refunds count when they, too, lie within the horizon: a viewer's outcome is final when the horizon is over.
revenue as (
    select
        lines.experiment_id,
        lines.viewer_key,
        lines.horizon_days,
        sum(coalesce(money_events.price_micros, 0)) as net_micros
    from lines
    inner join money_events
        on lines.source = money_events.source
        and lines.order_id = money_events.order_id
        and lines.line_no = money_events.line_no
        and {{ microseconds_between('lines.exposed_at', 'money_events.event_at') }} <= lines.horizon_days * 86400000000
    where
        lines.is_valued
        and money_events.event_type in ('unlocked', 'refunded', 'refund_reversed', 'chargeback', 'revoked')
    group by lines.experiment_id, lines.viewer_key, lines.horizon_days
),

bought as (
    select
        experiment_id,
        viewer_key,
        horizon_days,
        sum(paid_units) as paid_units,
        count(*) as n_lines,
        sum(case when is_valued then 0 else 1 end) as n_unvalued_lines
    from lines
    group by experiment_id, viewer_key, horizon_days
),

final as (
    select
        matured.experiment_id,
        matured.viewer_key,
        matured.arm,
        matured.surface,
        matured.horizon_days,
        matured.watch_seconds,
        matured.spend_micros,
        matured.is_unseen,
        case when bought.viewer_key is null then 0 else 1 end as conversion,
        cast(coalesce(bought.paid_units, 0) as bigint) as paid_units,
        cast(coalesce(revenue.net_micros, 0) as bigint) as net_revenue_micros,
        coalesce(bought.n_lines, 0) as n_lines,
        coalesce(bought.n_unvalued_lines, 0) as n_unvalued_lines,
        currencies.currency
    from matured
    left join bought
        on matured.experiment_id = bought.experiment_id
        and matured.viewer_key = bought.viewer_key
        and matured.horizon_days = bought.horizon_days
    left join revenue
        on matured.experiment_id = revenue.experiment_id
        and matured.viewer_key = revenue.viewer_key
        and matured.horizon_days = revenue.horizon_days
    left join currencies
        on matured.experiment_id = currencies.experiment_id
        and currencies.currency_no = 1
)

select * from final
