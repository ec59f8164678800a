{%- set feeds = ['views', 'unlocks', 'ads', 'topups'] -%}
{#- The feeds that carry a verdict on invalid traffic; for the others it is not known. -#}
{%- set judged_feeds = ['views', 'ads'] -%}
with

feed_as_of as (
    select * from {{ ref('int_feed_as_of') }}
),

{% for feed in feeds -%}
{{ feed }} as (
    select
        '{{ feed }}' as feed,
        count(*) as n_rows,
        sum(case when events.is_test then 1 else 0 end) as n_test,
        {%- if feed in judged_feeds %}
        sum(case when events.is_invalid then 1 else 0 end) as n_invalid,
        sum(case when events.is_suspect then 1 else 0 end) as n_suspect,
        {%- else %}
        cast(null as bigint) as n_invalid,
        cast(null as bigint) as n_suspect,
        {%- endif %}
        sum(case when events.is_late then 1 else 0 end) as n_late,
        sum(case when events.event_at > feed_as_of.as_of then 1 else 0 end) as n_waiting
    from {{ ref('stg_raw__' ~ feed) }} as events
    inner join feed_as_of
        on feed_as_of.feed = '{{ feed }}'
),

{% endfor -%}

counted as (
    {%- for feed in feeds %}
    select * from {{ feed }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

final as (
    select
        feed,
        n_rows,
        cast(coalesce(n_test, 0) as bigint) as n_test,
        cast(case when feed in ('{{ judged_feeds | join("', '") }}') then coalesce(n_invalid, 0) end as bigint) as n_invalid,
        cast(case when feed in ('{{ judged_feeds | join("', '") }}') then coalesce(n_suspect, 0) end as bigint) as n_suspect,
        cast(coalesce(n_late, 0) as bigint) as n_late,
        cast(coalesce(n_waiting, 0) as bigint) as n_waiting
    from counted
)

select * from final
