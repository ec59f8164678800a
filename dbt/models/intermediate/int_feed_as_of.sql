-- The data-through mark of each feed: the clock every follow-up is measured against. Rows later than `settled_until`
-- waited when the pending batches came, or wait now.
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

pending_batches as (
    select * from {{ ref('stg_control__pending_batches') }}
),

{% for feed in ['views', 'unlocks', 'ads', 'topups'] -%}
{{ feed }}_mark as (
    select
        '{{ feed }}' as feed,
        max(received_at) as as_of
    from {{ feed }}
),

{% endfor -%}

marks as (
    select * from views_mark
    union all
    select * from unlocks_mark
    union all
    select * from ads_mark
    union all
    select * from topups_mark
),

marks_before as (
    select
        feed,
        min(as_of_before) as as_of_before
    from pending_batches
    group by feed
),

final as (
    select
        marks.feed,
        marks.as_of,
        least(marks.as_of, coalesce(marks_before.as_of_before, marks.as_of)) as settled_until
    from marks
    left join marks_before
        on marks.feed = marks_before.feed
)

select * from final
