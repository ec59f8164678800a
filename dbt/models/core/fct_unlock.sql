{{ config(
    materialized='incremental',
    incremental_strategy='replace_affected',
    affected_by='orders',
    on_schema_change='fail',
) }}

with

unlocks as (
    select * from {{ ref('stg_raw__unlocks') }}
),

feed_as_of as (
    select * from {{ ref('int_feed_as_of') }}
),

steps as (
    select
        unlocks.*,
        row_number() over (
            partition by unlocks.source, unlocks.order_id, unlocks.line_no
            order by
                case when unlocks.event_type = 'unlocked' then 0 else 1 end,
                unlocks.event_at,
                unlocks.event_type,
                unlocks.event_seq
        ) as step_no
    from unlocks
    inner join feed_as_of
        on feed_as_of.feed = 'unlocks'
        and unlocks.event_at <= feed_as_of.as_of
    where
        unlocks.event_type in ('unlocked', 'refunded', 'refund_reversed', 'chargeback', 'revoked')
        and {{ is_affected('orders', 'unlocks') }}
),

-- Refunds come as rows of their own with negative amounts, so a net is a plain sum; what came back is what is not the unlock.
netted as (
    select
        source,
        order_id,
        line_no,
        min(case when event_type = 'unlocked' then event_at end) as unlocked_at,
        min(event_at) as first_event_at,
        max(event_at) as last_event_at,
        sum(case when event_type = 'unlocked' then token_paid else 0 end) as token_paid,
        sum(case when event_type = 'unlocked' then token_bonus else 0 end) as token_bonus,
        -sum(case when event_type <> 'unlocked' then token_paid + token_bonus else 0 end) as refund_tokens,
        sum(token_paid) as net_token_paid,
        sum(token_bonus) as net_token_bonus,
        sum(case when event_type = 'unlocked' then price_micros end) as price_micros,
        -sum(case when event_type <> 'unlocked' then price_micros end) as refund_micros,
        min(price_currency) as currency,
        coalesce(min(price_currency) <> max(price_currency), false) as has_mixed_currency,
        sum(case when event_type = 'refunded' then 1 else 0 end) as refund_count,
        bool_or(event_type = 'chargeback') as is_charged_back,
        bool_or(event_type = 'revoked') as is_revoked,
        bool_or(is_test) as is_test
    from steps
    group by source, order_id, line_no
),

final as (
    select
        netted.source,
        netted.order_id,
        netted.line_no,
        steps.platform_order_id,
        steps.viewer_key,
        steps.app_id,
        steps.surface,
        steps.country,
        steps.series_id,
        steps.episode_seq_from,
        steps.episode_seq_to,
        steps.unlock_method,
        steps.experiment_id,
        steps.arm,
        steps.discount_funder,
        steps.pay_type,
        steps.ad_event_id,
        netted.unlocked_at,
        {{ utc_date('netted.unlocked_at') }} as unlocked_date,
        steps.token_type,
        steps.list_price_tokens,
        steps.offered_price_tokens,
        cast(netted.token_paid as bigint) as token_paid,
        cast(netted.token_bonus as bigint) as token_bonus,
        cast(netted.refund_tokens as bigint) as refund_tokens,
        cast(netted.net_token_paid as bigint) as net_token_paid,
        cast(netted.net_token_bonus as bigint) as net_token_bonus,
        case when not netted.has_mixed_currency then cast(netted.price_micros as bigint) end as price_micros,
        case when not netted.has_mixed_currency then cast(netted.refund_micros as bigint) end as refund_micros,
        case
            when
                not netted.has_mixed_currency
                and (netted.price_micros is not null or netted.refund_micros is not null)
                then cast(coalesce(netted.price_micros, 0) - coalesce(netted.refund_micros, 0) as bigint)
        end as net_micros,
        case when not netted.has_mixed_currency then netted.currency end as currency,
        cast(netted.refund_count as bigint) as refund_count,
        netted.is_charged_back,
        netted.is_revoked,
        netted.first_event_at,
        netted.last_event_at,
        netted.is_test
    from netted
    inner join steps
        on netted.source = steps.source
        and netted.order_id = steps.order_id
        and netted.line_no = steps.line_no
        and steps.step_no = 1
)

select * from final
