{{ config(
    materialized='incremental',
    incremental_strategy='replace_affected',
    affected_by='topup_dates',
    on_schema_change='fail',
) }}

with

topups as (
    select * from {{ ref('stg_raw__topups') }}
),

feed_as_of as (
    select * from {{ ref('int_feed_as_of') }}
),

final as (
    select
        topups.store,
        topups.store_transaction_id,
        topups.event_type,
        topups.original_transaction_id,
        topups.product_type,
        topups.sku_id,
        topups.app_id,
        topups.viewer_key,
        topups.country,
        topups.event_at,
        topups.event_date,
        topups.tokens_paid,
        topups.tokens_bonus,
        topups.gross_micros,
        topups.tax_micros,
        topups.fee_micros,
        topups.gross_micros - topups.tax_micros - topups.fee_micros as net_micros,
        topups.currency,
        topups.is_test
    from topups
    inner join feed_as_of
        on feed_as_of.feed = 'topups'
        and topups.event_at <= feed_as_of.as_of
    where {{ is_affected('topup_dates', 'topups') }}
)

select * from final
