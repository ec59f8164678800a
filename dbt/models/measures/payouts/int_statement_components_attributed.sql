-- Live statements taken apart: one row per statement, component, month of activity, series named by the platform and reason.
with

statements as (
    select *
    from {{ ref('fct_platform_statement') }}
    where is_live and problem is null
),

lines as (
    select * from {{ ref('stg_raw__platform_statement_lines') }}
),

periods as (
    select * from {{ ref('stg_reference__periods') }}
),

stated as (
    {% for component, sign in statement_components().items() -%}
    select
        platform,
        statement_no,
        statement_version,
        '{{ component }}' as component,
        {{ '-' if sign < 0 }}{{ component }}_minor as amount_minor
    from statements
    union all
    {% endfor -%}
    {% for component in ['advance', 'true_up'] -%}
    select
        platform,
        statement_no,
        statement_version,
        '{{ component }}' as component,
        case when has_advance_settled then {{ component }}_minor else 0 end as amount_minor
    from statements
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- Lines that say more than their statement: a series, or another month than the statement's own. Such an amount is taken
-- out of the component its metric names; what else lines tell is detail.
attributed as (
    select
        statements.platform,
        statements.statement_no,
        statements.statement_version,
        case
            when lines.metric in ('{{ statement_components().keys() | join("', '") }}', 'advance', 'true_up') then lines.metric
            else 'gross'
        end as taken_from,
        coalesce(lines.activity_period, statements.activity_period) as activity_period,
        lines.series_id as named_series_id,
        coalesce(lines.reason, '') as reason,
        cast(sum({{ minor_units('lines.amount', 'statements.currency') }}) as bigint) as amount_minor
    from lines
    inner join statements
        on lines.platform = statements.platform
        and lines.statement_no = statements.statement_no
        and coalesce(lines.statement_version, statements.statement_version) = statements.statement_version
    where
        lines.amount is not null
        and (lines.series_id is not null or lines.activity_period <> statements.activity_period)
    group by
        statements.platform,
        statements.statement_no,
        statements.statement_version,
        case
            when lines.metric in ('{{ statement_components().keys() | join("', '") }}', 'advance', 'true_up') then lines.metric
            else 'gross'
        end,
        coalesce(lines.activity_period, statements.activity_period),
        lines.series_id,
        coalesce(lines.reason, '')
),

taken_out as (
    select
        platform,
        statement_no,
        statement_version,
        taken_from,
        sum(amount_minor) as amount_minor
    from attributed
    group by platform, statement_no, statement_version, taken_from
),

month_bounds as (
    select
        platform,
        stream,
        activity_period,
        min(starts_on) as starts_on,
        max(ends_on) as ends_on
    from periods
    group by platform, stream, activity_period
),

components as (
    select
        stated.platform,
        stated.statement_no,
        stated.statement_version,
        stated.component,
        stated.component as taken_from,
        cast(null as string) as activity_period,
        cast(null as string) as named_series_id,
        '' as reason,
        cast(stated.amount_minor - coalesce(taken_out.amount_minor, 0) as bigint) as amount_minor
    from stated
    left join taken_out
        on stated.platform = taken_out.platform
        and stated.statement_no = taken_out.statement_no
        and stated.statement_version = taken_out.statement_version
        and stated.component = taken_out.taken_from
    union all
    select
        platform,
        statement_no,
        statement_version,
        case when amount_minor < 0 then 'deduction' else 'addition' end as component,
        taken_from,
        activity_period,
        named_series_id,
        reason,
        amount_minor
    from attributed
),

final as (
    select
        statements.platform,
        statements.statement_no,
        statements.statement_version,
        statements.stream,
        statements.region_entity,
        statements.time_zone,
        statements.stage,
        statements.currency,
        components.component,
        {{ narrowest_base('components.taken_from') }} as narrowest_base,
        coalesce(components.activity_period, statements.activity_period) as activity_period,
        case
            when coalesce(components.activity_period, statements.activity_period) = statements.activity_period
                then statements.starts_on
            else coalesce(month_bounds.starts_on, cast(components.activity_period || '-01' as date))
        end as starts_on,
        case
            when coalesce(components.activity_period, statements.activity_period) = statements.activity_period
                then statements.ends_on
            else coalesce(month_bounds.ends_on, last_day(cast(components.activity_period || '-01' as date)))
        end as ends_on,
        components.named_series_id,
        case
            when components.reason <> '' then components.reason
            when components.component in ('gross', 'addition', 'deduction') then 'RESTATEMENT'
            else upper(components.component)
        end as reason,
        components.amount_minor
    from components
    inner join statements
        on components.platform = statements.platform
        and components.statement_no = statements.statement_no
        and components.statement_version = statements.statement_version
    left join month_bounds
        on statements.platform = month_bounds.platform
        and statements.stream = month_bounds.stream
        and components.activity_period = month_bounds.activity_period
    where components.amount_minor <> 0 or components.component = 'gross'
)

select * from final
