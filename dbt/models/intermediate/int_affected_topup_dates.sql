-- UTC dates whose topups rows this run recomputes: those of pending batches and those whose rows waited for the clock.
with

pending_batches as (
    select * from {{ ref('stg_control__pending_batches') }}
),

touched as (
    select * from {{ ref('stg_control__pending_touched') }}
),

feed_as_of as (
    select * from {{ ref('int_feed_as_of') }}
),

topups as (
    select * from {{ ref('stg_raw__topups') }}
),

{% if is_everything_affected(['fct_topup']) -%}

affected as (
    select event_date from topups
    {%- if earlier_state('core', 'fct_topup') is not none %}
    union
    select event_date from {{ earlier_state('core', 'fct_topup') }}
    {%- endif %}
),

{%- else -%}

affected as (
    select event_date
    from touched
    where feed = 'topups'
    union
    select topups.event_date
    from topups
    inner join feed_as_of
        on feed_as_of.feed = 'topups'
        and topups.event_at > feed_as_of.settled_until
    {{- union_unfinished('int_affected_topup_dates', ['event_date']) }}
),

{%- endif %}

final as (
    select
        affected.event_date,
        oldest.batch_id as oldest_pending_batch_id
    from affected
    cross join (select min(batch_id) as batch_id from pending_batches) as oldest
)

select * from final
