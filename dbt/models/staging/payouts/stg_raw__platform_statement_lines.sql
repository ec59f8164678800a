with

platform_statement_line as (
    select * from {{ source('raw', 'platform_statement_line') }}
),

-- A row that comes again in another file is the same line; rows that are alike within one file are several lines.
numbered as (
    select
        *,
        row_number() over (
            partition by
                _file_sha256, platform, statement_no, version, line_no, app_id, country, placement, metric, quantity,
                amount, currency, activity_period, series_id, reason
            order by _line_no
        ) as copy_no
    from platform_statement_line
),

distinct_lines as (
    select distinct
        platform,
        statement_no,
        version,
        line_no,
        app_id,
        country,
        placement,
        metric,
        quantity,
        amount,
        currency,
        activity_period,
        series_id,
        reason,
        copy_no
    from numbered
),

renamed as (
    select
        platform,
        statement_no,
        version as statement_version,
        line_no,
        app_id,
        country,
        placement as placement_id,
        lower(metric) as metric,
        quantity,
        amount,
        currency,
        substr(activity_period, 1, 7) as activity_period,
        series_id,
        case
            when lower(reason) in ('ivt', 'ivt_spam', 'invalid_traffic', 'invalid traffic', 'spam') then 'IVT_SPAM'
            else upper(reason)
        end as reason
    from distinct_lines
)

select * from renamed
