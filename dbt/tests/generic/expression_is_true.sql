{# The expression holds on every row; a row on which it is null fails too, so say in `expression` where null is allowed. #}
{% test expression_is_true(model, expression, where_clause='true') %}

select *
from {{ model }}
where ({{ where_clause }}) and ({{ expression }}) is not true

{% endtest %}
