with

ads as (
    select * from {{ source('raw', 'ads') }}
),

test_accounts as (
    select * from {{ ref('stg_reference__test_accounts') }}
),

renamed as (
    select
        ads.ad_event_id,
        ads.impression_id,
        ads.reward_transaction_id,
        ads.surface,
        ads.app_id,
        {{ viewer_key('ads.app_id', 'ads.viewer_id', 'ads.anon_id') }} as viewer_key,
        ads.series_id,
        ads.episode_seq,
        ads.placement_id,
        ads.ad_format,
        ads.trigger as trigger_name,
        ads.event_type,
        ads.is_ended,
        ads.verification,
        {{ micros('ads.revenue_amount') }} as revenue_micros,
        ads.currency,
        ads.revenue_precision,
        ads.network,
        ads.mediation,
        ads.country,
        ads.event_ts as event_at,
        ads.received_ts as received_at,
        {{ utc_date('ads.event_ts') }} as event_date,
        coalesce(ads.is_test, false) or test_accounts.viewer_id is not null as is_test,
        coalesce(ads.ivt_flag, 'none') = 'invalid' as is_invalid,
        coalesce(ads.ivt_flag, 'none') = 'suspect' as is_suspect,
        {{ is_late('ads.event_ts', 'ads.received_ts') }} as is_late
    from ads
    left join test_accounts
        on ads.app_id = test_accounts.app_id
        and ads.viewer_id = test_accounts.viewer_id
)

select * from renamed
