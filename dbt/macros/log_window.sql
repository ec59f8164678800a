{#
  Only the affected: the one place where "what this run must recompute" becomes SQL.

  Core facts are replaced by key. Each follows one set of affected keys, a table that the run works out first from the
  batches no release holds yet; the sets and their keys are named here and nowhere else.
#}
{% macro affected_set(name) -%}
    {%- set sets = {
        'viewers': {'model': 'int_affected_viewers', 'keys': ['viewer_key']},
        'playbacks': {'model': 'int_affected_playbacks', 'keys': ['app_id', 'playback_id']},
        'orders': {'model': 'int_affected_orders', 'keys': ['source', 'order_id']},
        'ad_dates': {'model': 'int_affected_ad_dates', 'keys': ['event_date']},
        'topup_dates': {'model': 'int_affected_topup_dates', 'keys': ['event_date']},
    } -%}
    {%- if name not in sets -%}
        {{ exceptions.raise_compiler_error("log_window: no affected set is called '" ~ name ~ "'; there are " ~ sets.keys() | join(', ')) }}
    {%- endif -%}
    {{ return(sets[name]) }}
{%- endmacro %}

{# A predicate: the row of `rows_alias` belongs to an affected key. When everything is, no key needs to be looked up. #}
{% macro is_affected(name, rows_alias) -%}
    {%- set affected = affected_set(name) -%}
    {%- if execute and flags.FULL_REFRESH -%}
    {% for key in affected['keys'] -%}
        {{ rows_alias }}.{{ key }} is not null{{ ' and ' if not loop.last }}
    {%- endfor %}
    {%- else -%}
    exists (
        select 1
        from {{ ref(affected['model']) }} as affected_keys
        where {% for key in affected['keys'] -%}
            affected_keys.{{ key }} = {{ rows_alias }}.{{ key }}{{ ' and ' if not loop.last }}
        {%- endfor %}
    )
    {%- endif -%}
{%- endmacro %}

{# True when a set must hold every key: --full-refresh is given, or one of the facts that follow the set is not there. #}
{% macro is_everything_affected(facts) -%}
    {%- if not execute or flags.FULL_REFRESH -%}
        {{ return(true) }}
    {%- endif -%}
    {%- for fact in facts if earlier_state('core', fact) is none -%}
        {{ return(true) }}
    {%- endfor -%}
    {{ return(false) }}
{%- endmacro %}

{#
  A table as the last run left it, or none. Read by name and not by `ref`: the affected keys are worked out before the
  facts are replaced, so the graph must not see the facts as parents.
#}
{% macro earlier_state(schema, table) -%}
    {{ return(adapter.get_relation(database=target.database, schema=schema, identifier=table)) }}
{%- endmacro %}

{#
  The keys of a set as an earlier run left it, while one of its batches is still pending: that run replaced some facts and
  not others, so its whole set must come again. Continues a `union`; empty when there is no earlier set.
#}
{% macro union_unfinished(model, keys) -%}
    {%- set unfinished = earlier_state('intermediate', model) -%}
    {%- if unfinished is not none %}
    union
    select {% for key in keys %}earlier.{{ key }}{{ ', ' if not loop.last }}{% endfor %}
    from {{ unfinished }} as earlier
    inner join pending_batches
        on earlier.oldest_pending_batch_id = pending_batches.batch_id
    {%- endif -%}
{%- endmacro %}
