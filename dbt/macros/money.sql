{# Decimal currency units as whole micros: exact, because amounts carry six decimals. #}
{% macro micros(amount) -%}
    cast({{ amount }} * 1000000 as bigint)
{%- endmacro %}
