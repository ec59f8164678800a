{#
  The rows of a relation and, with 'all' in place of one dimension, their sums over it. For counts that add up over the
  dimension only: where one viewer can stand in two of its cells, distinct viewers do not.
#}
{% macro roll_up(relation, dimension, keys, sums) -%}
    select
        {{ dimension }},
        {%- for key in keys %}
        {{ key }},
        {%- endfor %}
        {%- for sum in sums %}
        {{ sum }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ relation }}
    union all
    select
        'all' as {{ dimension }},
        {%- for key in keys %}
        {{ key }},
        {%- endfor %}
        {%- for sum in sums %}
        sum({{ sum }}) as {{ sum }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ relation }}
    group by {{ keys | join(', ') }}
{%- endmacro %}
