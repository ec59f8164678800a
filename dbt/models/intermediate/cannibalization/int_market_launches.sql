-- When the Mini first went live in each market, to any share of its viewers. Null: not live by the rollout plan.
with

market_rollout as (
    select * from {{ source('reference', 'market_rollout') }}
),

final as (
    select
        country,
        min(case when stage <> 'none' then stage_from end) as launch_date
    from market_rollout
    where surface = 'tiktok_minis'
    group by country
)

select * from final
