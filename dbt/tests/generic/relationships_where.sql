{# Every row that meets `from_condition` finds its parent in `to`, by one or more columns. #}
{% test relationships_where(model, columns, to, to_columns=none, from_condition='true') %}

{%- set parents = to_columns or columns %}

with

children as (
    select {{ columns | join(', ') }}
    from {{ model }}
    where {{ from_condition }}
),

parents as (
    select distinct {{ parents | join(', ') }}
    from {{ to }}
)

select children.*
from children
left join parents
    on {% for column in columns %}children.{{ column }} = parents.{{ parents[loop.index0] }}{{ ' and ' if not loop.last }}{% endfor %}
where parents.{{ parents[0] }} is null

{% endtest %}
