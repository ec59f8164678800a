{# Several columns as one value, read again as `value.column`; ordered by the columns one after the other. #}
{% macro pack(columns) -%}
    {{ return(flavour('pack')(columns)) }}
{%- endmacro %}

{% macro default__pack(columns) -%}
    struct_pack({% for name, expression in columns.items() %}{{ name }} := {{ expression }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}

{% macro spark__pack(columns) -%}
    named_struct({% for name, expression in columns.items() %}'{{ name }}', {{ expression }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}
