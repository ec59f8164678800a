-- Batches that no release holds yet, with the data-through mark each feed had before them.
with

batches as (
    select * from {{ source('control', 'batches') }}
),

watermarks as (
    select * from {{ source('control', 'watermarks') }}
),

pending as (
    select
        batches.batch_id,
        watermarks.feed,
        watermarks.as_of_before
    from batches
    left join watermarks
        on batches.batch_id = watermarks.batch_id
    where batches.state = 'pending'
)

select * from pending
