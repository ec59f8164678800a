{{ config(
    materialized='incremental',
    incremental_strategy='replace_affected',
    affected_by='ad_dates',
    on_schema_change='fail',
) }}

with

ads as (
    select * from {{ ref('stg_raw__ads') }}
),

feed_as_of as (
    select * from {{ ref('int_feed_as_of') }}
),

shown as (
    select ads.*
    from ads
    inner join feed_as_of
        on feed_as_of.feed = 'ads'
        and ads.event_at <= feed_as_of.as_of
    where ads.event_type in ('impression', 'adjustment')
),

on_affected_dates as (
    select shown.*
    from shown
    where {{ is_affected('ad_dates', 'shown') }}
),

-- An impression may be logged by more than one party, on other dates too: the row that came first counts.
copies as (
    select * from on_affected_dates
    union
    select shown.*
    from shown
    inner join (select distinct impression_id from on_affected_dates) as impressions
        on shown.impression_id = impressions.impression_id
),

ranked as (
    select
        *,
        row_number() over (
            partition by
                coalesce(network, ''),
                coalesce(impression_id, ad_event_id),
                impression_id is null,
                event_type
            order by received_at, ad_event_id
        ) as copy_no
    from copies
),

final as (
    select
        ad_event_id,
        impression_id,
        network,
        event_type,
        surface,
        app_id,
        viewer_key,
        series_id,
        episode_seq,
        placement_id,
        ad_format,
        trigger_name,
        mediation,
        country,
        event_at,
        event_date,
        revenue_micros,
        currency,
        revenue_precision,
        is_test,
        is_invalid,
        not is_test and not is_invalid as is_counted
    from ranked
    where
        copy_no = 1
        and {{ is_affected('ad_dates', 'ranked') }}
)

select * from final
