with

region_map as (
    select * from {{ source('reference', 'region_map') }}
),

renamed as (
    select
        region_entity,
        country
    from region_map
)

select * from renamed
