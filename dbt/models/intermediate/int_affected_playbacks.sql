-- Playbacks with at least one row of an affected viewer: whoever owns them, all their rows are needed.
with

views as (
    select * from {{ ref('stg_raw__views') }}
),

affected as (
    select distinct
        views.app_id,
        views.playback_id
    from views
    where {{ is_affected('viewers', 'views') }}
)

select * from affected
