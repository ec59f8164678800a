{#
  Incremental strategy: delete every row whose key is in the affected set, insert the recomputed rows; dbt runs both in
  one transaction. Stock delete+insert removes only keys that come back, so rows would stay when the new set is empty
  (a file withdrawn, a viewer erased).
#}
{% macro get_incremental_replace_affected_sql(arg_dict) %}
    {%- set affected = affected_set(config.require('affected_by')) -%}
    {%- set target_relation = arg_dict['target_relation'] -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    {%- set affected_keys = ref(affected['model']) -%}

    delete from {{ target_relation }}
    where exists (
        select 1
        from {{ affected_keys }} as affected_keys
        where {% for key in affected['keys'] -%}
            affected_keys.{{ key }} = {{ target_relation.include(database=false, schema=false) }}.{{ key }}{{ ' and ' if not loop.last }}
        {%- endfor %}
    );

    insert into {{ target_relation }} ({{ columns }})
    select {{ columns }}
    from {{ arg_dict['temp_relation'] }}
{% endmacro %}
