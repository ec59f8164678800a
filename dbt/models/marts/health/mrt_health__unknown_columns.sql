with

unknown_columns as (
    select * from {{ ref('stg_control__unknown_columns') }}
),

files as (
    select * from {{ ref('stg_control__files') }}
),

seen as (
    select
        unknown_columns.feed,
        unknown_columns.column_name,
        files.file_name,
        files.ingested_at,
        count(*) over (partition by unknown_columns.feed, unknown_columns.column_name) as n_files,
        row_number() over (
            partition by unknown_columns.feed, unknown_columns.column_name
            order by files.ingested_at, files.file_name, files.file_sha256
        ) as place
    from unknown_columns
    inner join files
        on
            unknown_columns.feed = files.feed
            and unknown_columns.file_sha256 = files.file_sha256
),

final as (
    select
        feed,
        column_name,
        file_name as first_file_name,
        n_files,
        ingested_at
    from seen
    where place = 1
)

select * from final
