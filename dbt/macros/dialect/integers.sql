{# In a select list: one row for each integer from `first` to `last`, both included. #}
{% macro each_integer(first, last) -%}
    {{ return(flavour('each_integer')(first, last)) }}
{%- endmacro %}

{% macro default__each_integer(first, last) -%}
    unnest(generate_series({{ first }}, {{ last }}))
{%- endmacro %}

{% macro spark__each_integer(first, last) -%}
    explode(sequence({{ first }}, {{ last }}))
{%- endmacro %}

{# Whole part of a quotient of integers. #}
{% macro whole_quotient(dividend, divisor) -%}
    {{ return(flavour('whole_quotient')(dividend, divisor)) }}
{%- endmacro %}

{% macro default__whole_quotient(dividend, divisor) -%}
    (({{ dividend }}) // ({{ divisor }}))
{%- endmacro %}

{% macro spark__whole_quotient(dividend, divisor) -%}
    (({{ dividend }}) div ({{ divisor }}))
{%- endmacro %}

{# The wide integer that products are formed in. #}
{% macro exact_integer() -%}
    {{ return(flavour('exact_integer')()) }}
{%- endmacro %}

{% macro default__exact_integer() -%}hugeint{%- endmacro %}

{% macro spark__exact_integer() -%}decimal(38, 0){%- endmacro %}
