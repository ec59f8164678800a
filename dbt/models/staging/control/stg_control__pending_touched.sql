-- The UTC event dates and viewers of rows that a pending batch added, replaced or removed.
with

batches as (
    select * from {{ source('control', 'batches') }}
),

touched as (
    select * from {{ source('control', 'touched') }}
),

of_pending_batches as (
    select distinct
        touched.feed,
        touched.event_date,
        touched.viewer_key
    from touched
    inner join batches
        on touched.batch_id = batches.batch_id
    where batches.state = 'pending'
)

select * from of_pending_batches
