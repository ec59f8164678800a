with

series_listing as (
    select * from {{ source('reference', 'series_listing') }}
),

renamed as (
    select
        series_id,
        surface,
        app_id,
        valid_from,
        valid_to,
        publishing_path,
        platform_series_id,
        listing_status
    from series_listing
)

select * from renamed
