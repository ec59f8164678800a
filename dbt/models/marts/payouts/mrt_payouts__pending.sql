{%- set keys = ['direction', 'contract_id', 'contract_version', 'party_id', 'series_id', 'activity_period', 'stream', 'currency'] -%}
with

should_be as (
    select
        {{ keys | join(', ') }},
        sum(base_minor) as base_minor,
        sum(amount_minor) as amount_minor
    from {{ ref('mrt_payouts__should_be') }}
    group by {{ keys | join(', ') }}
),

posted as (
    select
        {{ keys | join(', ') }},
        sum(base_minor) as base_minor,
        sum(amount_minor) as amount_minor
    from {{ ref('stg_ledger__lines') }}
    group by {{ keys | join(', ') }}
),

closed as (
    select * from {{ ref('stg_ledger__periods') }}
),

compared as (
    select
        {% for key in keys -%}
        coalesce(should_be.{{ key }}, posted.{{ key }}) as {{ key }},
        {% endfor -%}
        coalesce(should_be.base_minor, 0) as base_should_be_minor,
        coalesce(posted.base_minor, 0) as base_posted_minor,
        coalesce(should_be.amount_minor, 0) as should_be_minor,
        coalesce(posted.amount_minor, 0) as posted_minor
    from should_be
    full outer join posted
        on {% for key in keys %}should_be.{{ key }} = posted.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}
),

final as (
    select
        {% for key in keys -%}
        compared.{{ key }},
        {% endfor -%}
        case when closed.posted_period is null then 'EARNING' else 'ADJUSTMENT' end as line_type,
        cast(compared.base_should_be_minor - compared.base_posted_minor as bigint) as base_minor,
        cast(compared.should_be_minor as bigint) as should_be_minor,
        cast(compared.posted_minor as bigint) as posted_minor,
        cast(compared.should_be_minor - compared.posted_minor as bigint) as pending_minor
    from compared
    left join closed
        on compared.activity_period = closed.posted_period
    where
        compared.base_should_be_minor <> compared.base_posted_minor
        or compared.should_be_minor <> compared.posted_minor
)

select * from final
