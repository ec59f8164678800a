-- What the logs say of each series' activity on a platform, by surface, country and local day, priced by reference values.
with

ads as (
    select * from {{ ref('stg_raw__ads') }}
),

unlocks as (
    select * from {{ ref('stg_raw__unlocks') }}
),

feed_as_of as (
    select * from {{ ref('int_feed_as_of') }}
),

statements as (
    select * from {{ ref('fct_platform_statement') }}
),

periods as (
    select * from {{ ref('stg_reference__periods') }}
),

reference_values as (
    select * from {{ ref('stg_reference__reference_values') }}
),

completed_ads as (
    select
        ads.surface,
        ads.series_id,
        ads.country,
        ads.event_at,
        row_number() over (
            partition by
                coalesce(ads.network, ''),
                coalesce(ads.impression_id, ads.ad_event_id),
                ads.impression_id is null
            order by ads.received_at, ads.ad_event_id
        ) as copy_no
    from ads
    inner join feed_as_of
        on feed_as_of.feed = 'ads'
        and ads.event_at <= feed_as_of.as_of
    where
        ads.event_type = 'complete'
        and ads.ad_format = 'rewarded'
        and ads.is_ended
        and ads.verification <> 'ssv_failed'
        and not ads.is_test
        and not ads.is_invalid
),

known_unlocks as (
    select unlocks.*
    from unlocks
    inner join feed_as_of
        on feed_as_of.feed = 'unlocks'
        and unlocks.event_at <= feed_as_of.as_of
    where unlocks.event_type = 'unlocked' and not unlocks.is_test
),

units as (
    select
        {{ platform_of('surface') }} as platform,
        'iaa' as stream,
        surface,
        coalesce(series_id, 'UNATTRIBUTED') as series_id,
        country,
        event_at,
        1 as quantity
    from completed_ads
    where copy_no = 1
    union all
    select
        {{ platform_of('surface') }} as platform,
        'iap_beans' as stream,
        surface,
        coalesce(series_id, 'UNATTRIBUTED') as series_id,
        country,
        event_at,
        token_paid as quantity
    from known_unlocks
    where unlock_method = 'beans' and token_paid > 0
    union all
    select
        {{ platform_of('surface') }} as platform,
        'iap_subscription' as stream,
        surface,
        coalesce(series_id, 'UNATTRIBUTED') as series_id,
        country,
        event_at,
        coalesce(episode_seq_to, episode_seq_from) - episode_seq_from + 1 as quantity
    from known_unlocks
    where unlock_method = 'subscription'
),

time_zones as (
    select
        platform,
        stream,
        time_zone
    from statements
    union
    select
        platform,
        stream,
        time_zone
    from periods
),

daily as (
    select
        units.platform,
        units.stream,
        time_zones.time_zone,
        units.series_id,
        units.surface,
        units.country,
        {{ local_date('units.event_at', 'time_zones.time_zone') }} as activity_date,
        cast(sum(units.quantity) as bigint) as quantity
    from units
    inner join time_zones
        on units.platform = time_zones.platform
        and units.stream = time_zones.stream
    where units.country is not null
    group by
        units.platform,
        units.stream,
        time_zones.time_zone,
        units.series_id,
        units.surface,
        units.country,
        {{ local_date('units.event_at', 'time_zones.time_zone') }}
),

-- The most specific reference price that holds on the day.
prices as (
    select
        cells.surface,
        cells.country,
        cells.activity_date,
        reference_values.micros_usd,
        row_number() over (
            partition by cells.surface, cells.country, cells.activity_date
            order by
                case when reference_values.surface = '*' then 1 else 0 end,
                case when reference_values.country = '*' then 1 else 0 end,
                reference_values.valid_from desc
        ) as choice_no
    from (
        select distinct
            surface,
            country,
            activity_date
        from daily
        where stream = 'iaa'
    ) as cells
    inner join reference_values
        on reference_values.kind = 'ecpm'
        and reference_values.surface in (cells.surface, '*')
        and reference_values.country in (cells.country, '*')
        and reference_values.valid_from <= cells.activity_date
        and (reference_values.valid_to is null or reference_values.valid_to > cells.activity_date)
),

months as (
    select
        cells.platform,
        cells.stream,
        cells.activity_date,
        min(periods.activity_period) as activity_period
    from (
        select distinct
            platform,
            stream,
            activity_date
        from daily
    ) as cells
    inner join periods
        on cells.platform = periods.platform
        and cells.stream = periods.stream
        and cells.activity_date between periods.starts_on and periods.ends_on
    group by cells.platform, cells.stream, cells.activity_date
),

-- An impression weighs its reference price of a thousand, so weights of ads are nano-dollars; tokens and episodes weigh 1.
final as (
    select
        coalesce(months.activity_period, {{ month_of('daily.activity_date') }}) as activity_period,
        daily.platform,
        daily.stream,
        daily.time_zone,
        daily.series_id,
        daily.surface,
        daily.country,
        daily.activity_date,
        daily.quantity,
        cast(
            cast(daily.quantity as {{ exact_integer() }})
            * case when daily.stream = 'iaa' then coalesce(prices.micros_usd, 0) else 1 end as bigint
        ) as weight
    from daily
    left join prices
        on daily.surface = prices.surface
        and daily.country = prices.country
        and daily.activity_date = prices.activity_date
        and prices.choice_no = 1
    left join months
        on daily.platform = months.platform
        and daily.stream = months.stream
        and daily.activity_date = months.activity_date
    where daily.activity_date is not null
)

select * from final
