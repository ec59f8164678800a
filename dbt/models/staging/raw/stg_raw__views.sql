with

views as (
    select * from {{ source('raw', 'views') }}
),

test_accounts as (
    select * from {{ ref('stg_reference__test_accounts') }}
),

renamed as (
    select
        views.event_id,
        views.playback_id,
        views.session_id,
        views.surface,
        views.app_id,
        {{ viewer_key('views.app_id', 'views.viewer_id', 'views.anon_id') }} as viewer_key,
        views.series_id,
        views.episode_id,
        views.episode_seq,
        views.event_type,
        views.event_ts as event_at,
        views.received_ts as received_at,
        {{ utc_date('views.event_ts') }} as event_date,
        views.position_ms,
        views.duration_ms,
        views.watched_ms,
        views.is_autoplay_next,
        views.entry_point,
        views.access_type,
        views.unlock_order_id,
        views.country,
        views.os,
        views.app_version,
        views.host_version,
        coalesce(views.is_test, false) or test_accounts.viewer_id is not null as is_test,
        coalesce(views.ivt_flag, 'none') = 'invalid' as is_invalid,
        coalesce(views.ivt_flag, 'none') = 'suspect' as is_suspect,
        {{ is_late('views.event_ts', 'views.received_ts') }} as is_late
    from views
    left join test_accounts
        on views.app_id = test_accounts.app_id
        and views.viewer_id = test_accounts.viewer_id
)

select * from renamed
