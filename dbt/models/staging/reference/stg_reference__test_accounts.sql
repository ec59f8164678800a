with

test_account as (
    select * from {{ source('reference', 'test_account') }}
),

-- One row per account, so that a list that names it twice cannot multiply log rows.
renamed as (
    select distinct
        app_id,
        viewer_id
    from test_account
)

select * from renamed
