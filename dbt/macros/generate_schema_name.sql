{# A model lives in the schema its room is named after, whatever the profile's default schema. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ return(custom_schema_name or target.schema) }}
{%- endmacro %}
