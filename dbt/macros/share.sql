{# A share of integers; null when there is nothing to share. #}
{% macro share(part, whole) -%}
    cast({{ part }} as double) / nullif({{ whole }}, 0)
{%- endmacro %}
