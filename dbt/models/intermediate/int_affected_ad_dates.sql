-- UTC dates whose ad rows this run recomputes: those of pending batches, those whose rows waited for the clock, and those of
-- other rows about the same impression, because only one of them counts.
{%- set impressions = earlier_state('core', 'fct_ad_impression') %}

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

ads as (
    select * from {{ ref('stg_raw__ads') }}
),

{% if is_everything_affected(['fct_ad_impression']) -%}

affected as (
    select event_date from ads
    {%- if impressions is not none %}
    union
    select event_date from {{ impressions }}
    {%- endif %}
),

{%- else -%}

named as (
    select event_date
    from touched
    where feed = 'ads'
    union
    select ads.event_date
    from ads
    inner join feed_as_of
        on feed_as_of.feed = 'ads'
        and ads.event_at > feed_as_of.settled_until
    {{- union_unfinished('int_affected_ad_dates', ['event_date']) }}
),

their_impressions as (
    select ads.impression_id
    from ads
    inner join named
        on ads.event_date = named.event_date
    where ads.impression_id is not null and ads.event_type in ('impression', 'adjustment')
    union
    select impressions.impression_id
    from {{ impressions }} as impressions
    inner join named
        on impressions.event_date = named.event_date
    where impressions.impression_id is not null
),

affected as (
    select event_date from named
    union
    select ads.event_date
    from ads
    inner join their_impressions
        on ads.impression_id = their_impressions.impression_id
    where ads.event_type in ('impression', 'adjustment')
    union
    select impressions.event_date
    from {{ impressions }} as impressions
    inner join their_impressions
        on impressions.impression_id = their_impressions.impression_id
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
