{#
  Everything that DuckDB and Spark spell differently is a macro in this folder; models call only the macro.
  The variable `sql_dialect` forces a flavour without a connection of that kind, which is how the tests read every model
  as Spark SQL; `adapter.dispatch` knows only the connection.
#}
{% macro flavour(macro_name) -%}
    {%- set dialect = target.type if var('sql_dialect') == 'adapter' else var('sql_dialect') -%}
    {{ return(context.get(dialect ~ '__' ~ macro_name) or context['default__' ~ macro_name]) }}
{%- endmacro %}
