with

reports as (
    select * from {{ ref('stg_raw__platform_statements') }}
),

periods as (
    select * from {{ ref('stg_reference__periods') }}
),

-- A version is reported again while it moves on: the furthest status is what it stands at.
ranked as (
    select
        *,
        row_number() over (
            partition by platform, statement_no, statement_version
            order by
                case status
                    when 'replaced' then 5
                    when 'paid' then 4
                    when 'confirmed' then 3
                    when 'appeal_review' then 2
                    else 1
                end desc
        ) as report_no
    from reports
),

statements as (
    select *
    from ranked
    where report_no = 1
),

voided as (
    select distinct
        statements.platform,
        statements.statement_no,
        statements.statement_version
    from statements
    inner join statements as successors
        on statements.platform = successors.platform
        and (
            (
                statements.statement_no = successors.replaces_statement_no
                and statements.statement_no <> successors.statement_no
            )
            or (
                statements.statement_no = successors.statement_no
                and statements.statement_version < successors.statement_version
            )
        )
),

-- The month of account comes from the platform's calendar: its months need not be calendar months.
dated as (
    select
        statements.platform,
        statements.statement_no,
        statements.statement_version,
        min(periods.activity_period) as activity_period
    from statements
    inner join periods
        on statements.platform = periods.platform
        and statements.stream = periods.stream
        and statements.starts_on >= periods.starts_on
        and statements.ends_on <= periods.ends_on
    group by statements.platform, statements.statement_no, statements.statement_version
),

judged as (
    select
        statements.*,
        voided.statement_no is null and statements.status <> 'replaced' as is_live,
        coalesce(
            dated.activity_period,
            case
                when {{ month_of('statements.starts_on') }} = {{ month_of('statements.ends_on') }}
                    then {{ month_of('statements.starts_on') }}
            end
        ) as activity_period,
        statements.settleable_minor - (
            {% for component, sign in statement_components().items() -%}
            {{ '+ ' if sign > 0 else '- ' }}statements.{{ component }}_minor
            {% endfor -%}
        ) as unexplained_minor
    from statements
    left join voided
        on statements.platform = voided.platform
        and statements.statement_no = voided.statement_no
        and statements.statement_version = voided.statement_version
    left join dated
        on statements.platform = dated.platform
        and statements.statement_no = dated.statement_no
        and statements.statement_version = dated.statement_version
),

final as (
    select
        platform,
        statement_no,
        statement_version,
        replaces_statement_no,
        stream,
        region_entity,
        starts_on,
        ends_on,
        time_zone,
        activity_period,
        issued_on,
        status,
        is_live,
        case
            when not is_live then 'VOID'
            when status in ('confirmed', 'paid') then 'CONFIRMED'
            else 'STATED'
        end as stage,
        gross_minor,
        refund_minor,
        test_minor,
        channel_fee_minor,
        tax_minor,
        platform_fee_minor,
        adjustment_minor,
        advance_minor,
        true_up_minor,
        settleable_minor,
        currency,
        unexplained_minor <> 0 and unexplained_minor = advance_minor + true_up_minor as has_advance_settled,
        case
            when has_part_of_minor_unit then 'part_of_minor_unit'
            when unexplained_minor not in (0, advance_minor + true_up_minor) then 'does_not_add_up'
            when ends_on < starts_on then 'ends_before_it_starts'
            when activity_period is null then 'no_period'
        end as problem
    from judged
)

select * from final
