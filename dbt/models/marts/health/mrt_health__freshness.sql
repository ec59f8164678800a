{%- set feeds = ['views', 'unlocks', 'ads', 'topups'] -%}
with

{% for feed in feeds -%}
{{ feed }} as (
    select
        '{{ feed }}' as source,
        count(*) as n_rows,
        coalesce(sum(case when is_late then 1 else 0 end), 0) as n_late
    from {{ ref('stg_raw__' ~ feed) }}
),

{% endfor -%}

feed_as_of as (
    select * from {{ ref('int_feed_as_of') }}
),

sources as (
    {%- for feed in feeds %}
    select * from {{ feed }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

latest as (
    select max(as_of) as as_of
    from feed_as_of
),

final as (
    select
        sources.source,
        feed_as_of.as_of,
        sources.n_rows,
        cast(sources.n_late as bigint) as n_late,
        {{ share('sources.n_late', 'sources.n_rows') }} as late_share,
        case
            when feed_as_of.as_of is null then 'empty'
            when {{ microseconds_between('feed_as_of.as_of', 'latest.as_of') }} > {{ var('late_after_hours') }} * 3600000000 then 'behind'
            else 'ok'
        end as status
    from sources
    inner join feed_as_of
        on sources.source = feed_as_of.feed
    cross join latest
)

select * from final
