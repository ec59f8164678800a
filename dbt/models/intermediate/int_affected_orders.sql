-- Orders whose offers and unlocks this run recomputes: whatever happened to an order on a touched date changes all its lines.
{%- set facts = ['fct_offer', 'fct_unlock'] %}

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

unlocks as (
    select * from {{ ref('stg_raw__unlocks') }}
),

{% if is_everything_affected(facts) -%}

affected as (
    select source, order_id from unlocks
    {%- for fact in facts if earlier_state('core', fact) is not none %}
    union
    select source, order_id from {{ earlier_state('core', fact) }}
    {%- endfor %}
),

{%- else -%}

touched_dates as (
    select distinct event_date
    from touched
    where feed = 'unlocks'
),

affected as (
    select
        unlocks.source,
        unlocks.order_id
    from unlocks
    inner join touched_dates
        on unlocks.event_date = touched_dates.event_date
    union
    select
        unlocks.source,
        unlocks.order_id
    from unlocks
    inner join feed_as_of
        on feed_as_of.feed = 'unlocks'
        and unlocks.event_at > feed_as_of.settled_until
    {%- for fact in facts %}
    -- A row that was taken away stands in no log any more, but its date lies within the life of its order.
    union
    select
        orders.source,
        orders.order_id
    from {{ earlier_state('core', fact) }} as orders
    inner join touched_dates
        on touched_dates.event_date between {{ utc_date('orders.first_event_at') }} and {{ utc_date('orders.last_event_at') }}
    {%- endfor %}
    {{- union_unfinished('int_affected_orders', ['source', 'order_id']) }}
),

{%- endif %}

final as (
    select
        affected.source,
        affected.order_id,
        oldest.batch_id as oldest_pending_batch_id
    from affected
    cross join (select min(batch_id) as batch_id from pending_batches) as oldest
)

select * from final
