{# The identity a viewer has within one app: `app|viewer`, or `app|~device` while anonymous; null when neither is known. #}
{% macro viewer_key(app_id, viewer_id, anon_id='null') -%}
    {{ app_id }} || '|' || coalesce({{ viewer_id }}, '~' || {{ anon_id }})
{%- endmacro %}

{# True for a row that reached the operator later than a day after it happened. #}
{% macro is_late(event_at, received_at) -%}
    {{ microseconds_between(event_at, received_at) }} > {{ var('late_after_hours') }} * 3600000000
{%- endmacro %}
