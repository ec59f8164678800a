-- The arms of each experiment and which of them the others are compared with: the one called control, else the one nearest
-- to the list price.
with

exposures as (
    select * from {{ ref('int_discount_exposures') }}
),

arms as (
    select
        experiment_id,
        arm,
        sum(offered_price_tokens) as offered_tokens,
        sum(list_price_tokens) as list_tokens
    from exposures
    group by experiment_id, arm
),

ranked as (
    select
        experiment_id,
        arm,
        row_number() over (
            partition by experiment_id
            order by
                case when arm = 'control' then 0 else 1 end,
                {{ share('offered_tokens', 'list_tokens') }} desc nulls last,
                arm
        ) as arm_no
    from arms
),

final as (
    select
        experiment_id,
        arm,
        arm_no = 1 as is_control
    from ranked
)

select * from final
