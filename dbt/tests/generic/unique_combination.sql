{# No two rows share these columns, and none of them is null. #}
{% test unique_combination(model, columns) %}

with

keyed as (
    select {{ columns | join(', ') }}
    from {{ model }}
),

incomplete as (
    select {{ columns | join(', ') }}
    from keyed
    where {% for column in columns %}{{ column }} is null{{ ' or ' if not loop.last }}{% endfor %}
),

repeated as (
    select {{ columns | join(', ') }}
    from keyed
    group by {{ columns | join(', ') }}
    having count(*) > 1
)

select {{ columns | join(', ') }} from incomplete
union all
select {{ columns | join(', ') }} from repeated

{% endtest %}
