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
                case when unlocks.event_type = 'offered' then 0 else 1 end,
                unlocks.event_at,
                unlocks.event_type,
                unlocks.event_seq
        ) as step_no
    from unlocks
    inner join feed_as_of
        on feed_as_of.feed = 'unlocks'
        and unlocks.event_at <= feed_as_of.as_of
    where
        unlocks.event_type in ('offered', 'sheet_opened', 'tapped', 'payment_failed')
        and {{ is_affected('orders', 'unlocks') }}
),

offers as (
    select
        source,
        order_id,
        line_no,
        min(case when event_type = 'offered' then event_at end) as offered_at,
        min(case when event_type = 'sheet_opened' then event_at end) as sheet_opened_at,
        min(case when event_type = 'tapped' then event_at end) as tapped_at,
        min(case when event_type = 'payment_failed' then event_at end) as payment_failed_at,
        min(event_at) as first_event_at,
        max(event_at) as last_event_at,
        bool_or(is_test) as is_test
    from steps
    group by source, order_id, line_no
),

final as (
    select
        offers.source,
        offers.order_id,
        offers.line_no,
        steps.viewer_key,
        steps.app_id,
        steps.surface,
        steps.country,
        steps.series_id,
        steps.episode_seq_from,
        steps.episode_seq_to,
        offers.offered_at,
        {{ utc_date('offers.offered_at') }} as offered_date,
        steps.experiment_id,
        steps.arm,
        steps.assigned_at,
        steps.list_price_tokens,
        steps.offered_price_tokens,
        steps.discount_funder,
        steps.token_type,
        offers.sheet_opened_at,
        offers.tapped_at,
        offers.payment_failed_at,
        offers.first_event_at,
        offers.last_event_at,
        offers.is_test
    from offers
    inner join steps
        on offers.source = steps.source
        and offers.order_id = steps.order_id
        and offers.line_no = steps.line_no
        and steps.step_no = 1
    where offers.offered_at is not null
)

select * from final
