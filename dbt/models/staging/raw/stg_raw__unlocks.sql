with

unlocks as (
    select * from {{ source('raw', 'unlocks') }}
),

test_accounts as (
    select * from {{ ref('stg_reference__test_accounts') }}
),

renamed as (
    select
        unlocks.source,
        unlocks.order_id,
        unlocks.line_no,
        unlocks.event_type,
        unlocks.event_seq,
        unlocks.platform_order_id,
        unlocks.surface,
        unlocks.app_id,
        {{ viewer_key('unlocks.app_id', 'unlocks.viewer_id') }} as viewer_key,
        unlocks.series_id,
        unlocks.episode_seq_from,
        unlocks.episode_seq_to,
        unlocks.unlock_method,
        unlocks.experiment_id,
        unlocks.arm,
        unlocks.assigned_ts as assigned_at,
        unlocks.list_price_tokens,
        unlocks.offered_price_tokens,
        unlocks.discount_funder,
        unlocks.token_type,
        unlocks.token_paid,
        unlocks.token_bonus,
        {{ micros('unlocks.price_amount') }} as price_micros,
        unlocks.price_currency,
        unlocks.pay_type,
        unlocks.ad_event_id,
        unlocks.refund_tokens,
        unlocks.refund_reason,
        unlocks.event_ts as event_at,
        unlocks.received_ts as received_at,
        {{ utc_date('unlocks.event_ts') }} as event_date,
        unlocks.country,
        coalesce(unlocks.is_test, false) or test_accounts.viewer_id is not null as is_test,
        {{ is_late('unlocks.event_ts', 'unlocks.received_ts') }} as is_late
    from unlocks
    left join test_accounts
        on unlocks.app_id = test_accounts.app_id
        and unlocks.viewer_id = test_accounts.viewer_id
)

select * from renamed
