with

topups as (
    select * from {{ source('raw', 'topups') }}
),

test_accounts as (
    select * from {{ ref('stg_reference__test_accounts') }}
),

renamed as (
    select
        topups.store,
        topups.store_transaction_id,
        topups.original_transaction_id,
        topups.event_type,
        topups.product_type,
        topups.sku_id,
        topups.tokens_paid,
        topups.tokens_bonus,
        {{ micros('topups.gross_amount') }} as gross_micros,
        topups.currency,
        {{ micros('topups.tax_amount') }} as tax_micros,
        {{ micros('topups.fee_amount') }} as fee_micros,
        topups.app_id,
        {{ viewer_key('topups.app_id', 'topups.viewer_id') }} as viewer_key,
        topups.country,
        topups.event_ts as event_at,
        topups.received_ts as received_at,
        {{ utc_date('topups.event_ts') }} as event_date,
        coalesce(topups.is_test, false) or test_accounts.viewer_id is not null as is_test,
        {{ is_late('topups.event_ts', 'topups.received_ts') }} as is_late
    from topups
    left join test_accounts
        on topups.app_id = test_accounts.app_id
        and topups.viewer_id = test_accounts.viewer_id
)

select * from renamed
