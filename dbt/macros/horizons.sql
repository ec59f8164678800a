{# A list of whole numbers as a one-column relation. #}
{% macro number_list(numbers, alias, column) -%}
    (values {% for number in numbers %}(cast({{ number }} as bigint)){{ ', ' if not loop.last }}{% endfor %}) as {{ alias }} ({{ column }})
{%- endmacro %}

{# The smallest listed number that `value` does not exceed; null past the last one. All in the unit of `value` after `scale`. #}
{% macro first_at_least(value, numbers, scale) -%}
    case{% for number in numbers %} when {{ value }} <= {{ number * scale }} then {{ number }}{% endfor %} end
{%- endmacro %}

{# The smallest listed number that `value` is below; null at and past the last one. #}
{% macro first_above(value, numbers, scale) -%}
    case{% for number in numbers %} when {{ value }} < {{ number * scale }} then {{ number }}{% endfor %} end
{%- endmacro %}
