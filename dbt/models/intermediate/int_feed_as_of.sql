-- The data-through mark of each feed: the clock every follow-up is measured against.
with

views as (
    select * from {{ ref('stg_raw__views') }}
),

unlocks as (
    select * from {{ ref('stg_raw__unlocks') }}
),

ads as (
    select * from {{ ref('stg_raw__ads') }}
),

topups as (
    select * from {{ ref('stg_raw__topups') }}
),

feeds as (
    select
        'views' as feed,
        max(received_at) as as_of
    from views
    union all
    select
        'unlocks' as feed,
        max(received_at) as as_of
    from unlocks
    union all
    select
        'ads' as feed,
        max(received_at) as as_of
    from ads
    union all
    select
        'topups' as feed,
        max(received_at) as as_of
    from topups
)

select * from feeds
