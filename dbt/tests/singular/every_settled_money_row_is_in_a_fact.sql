-- The books of the money: tokens and amounts in the facts add up to those of the logs up to their data-through marks.
with

unlocks as (
    select * from {{ ref('stg_raw__unlocks') }}
),

topups as (
    select * from {{ ref('stg_raw__topups') }}
),

feed_as_of as (
    select * from {{ ref('int_feed_as_of') }}
),

logged as (
    select
        'unlocked tokens' as book,
        coalesce(sum(unlocks.token_paid + unlocks.token_bonus), 0) as amount
    from unlocks
    inner join feed_as_of
        on feed_as_of.feed = 'unlocks'
        and unlocks.event_at <= feed_as_of.as_of
    where unlocks.event_type in ('unlocked', 'refunded', 'refund_reversed', 'chargeback', 'revoked')
    union all
    select
        'top-up gross' as book,
        coalesce(sum(topups.gross_micros), 0) as amount
    from topups
    inner join feed_as_of
        on feed_as_of.feed = 'topups'
        and topups.event_at <= feed_as_of.as_of
),

booked as (
    select
        'unlocked tokens' as book,
        coalesce(sum(net_token_paid + net_token_bonus), 0) as amount
    from {{ ref('fct_unlock') }}
    union all
    select
        'top-up gross' as book,
        coalesce(sum(gross_micros), 0) as amount
    from {{ ref('fct_topup') }}
)

select
    logged.book,
    logged.amount as logged_amount,
    booked.amount as booked_amount
from logged
inner join booked
    on logged.book = booked.book
where logged.amount <> booked.amount
