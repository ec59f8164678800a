-- What confirmed statements bring to each contract version: one row per direction, contract version, tier window, series,
-- month of activity, statement version and currency.
with

amounts as (
    select *
    from {{ ref('int_statement_amounts_allocated') }}
    where stage = 'CONFIRMED'
),

segments as (
    select * from {{ ref('int_statement_segments_weighed') }}
),

contracts as (
    select * from {{ ref('dim_contract') }}
),

bases as (
    select base
    from (values ('gross'), ('net_of_ivt'), ('net_of_platform_fee')) as listed (base)
),

series_bases as (
    select
        amounts.platform,
        amounts.statement_no,
        amounts.statement_version,
        amounts.activity_period,
        amounts.stream,
        amounts.series_id,
        amounts.currency,
        bases.base,
        cast(sum(amounts.amount_minor) as bigint) as series_minor
    from amounts
    inner join bases
        on amounts.narrowest_base = 'gross'
        or (amounts.narrowest_base = 'net_of_ivt' and bases.base <> 'gross')
        or (amounts.narrowest_base = 'net_of_platform_fee' and bases.base = 'net_of_platform_fee')
    group by
        amounts.platform,
        amounts.statement_no,
        amounts.statement_version,
        amounts.activity_period,
        amounts.stream,
        amounts.series_id,
        amounts.currency,
        bases.base
),

-- The reason of a base that arrives late is that of its largest part.
ranked_reasons as (
    select
        platform,
        statement_no,
        statement_version,
        activity_period,
        series_id,
        reason,
        row_number() over (
            partition by platform, statement_no, statement_version, activity_period, series_id
            order by abs(sum(amount_minor)) desc, reason
        ) as reason_no
    from amounts
    group by platform, statement_no, statement_version, activity_period, series_id, reason
),

segment_rows as (
    select
        series_bases.*,
        segments.direction,
        segments.contract_id,
        segments.contract_version,
        segments.tier_window,
        segments.weight
    from series_bases
    inner join segments
        on series_bases.platform = segments.platform
        and series_bases.statement_no = segments.statement_no
        and series_bases.statement_version = segments.statement_version
        and series_bases.activity_period = segments.activity_period
        and series_bases.series_id = segments.series_id
),

{{ split_by_largest_remainder(
    name='by_segment',
    rows='segment_rows',
    partition_by=['platform', 'statement_no', 'statement_version', 'activity_period', 'series_id', 'base', 'direction'],
    total='series_minor',
    weight='weight',
    tie_break=['contract_id nulls last', 'contract_version nulls last', 'tier_window nulls last'],
    amount='base_minor',
) }},

final as (
    select
        by_segment.direction,
        by_segment.contract_id,
        by_segment.contract_version,
        by_segment.tier_window,
        by_segment.series_id,
        by_segment.activity_period,
        by_segment.stream,
        by_segment.currency,
        by_segment.platform,
        by_segment.statement_no,
        by_segment.statement_version,
        ranked_reasons.reason,
        by_segment.base_minor
    from by_segment
    inner join contracts
        on by_segment.contract_id = contracts.contract_id
        and by_segment.contract_version = contracts.contract_version
        and by_segment.base = contracts.base
    left join ranked_reasons
        on by_segment.platform = ranked_reasons.platform
        and by_segment.statement_no = ranked_reasons.statement_no
        and by_segment.statement_version = ranked_reasons.statement_version
        and by_segment.activity_period = ranked_reasons.activity_period
        and by_segment.series_id = ranked_reasons.series_id
        and ranked_reasons.reason_no = 1
    where by_segment.base_minor <> 0
)

select * from final
