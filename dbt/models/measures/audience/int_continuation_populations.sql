-- One row per series, surface and completed episode, with how far its follow-up goes.
with

units as (
    select * from {{ ref('int_continuation_units') }}
),

final as (
    select
        population_id,
        series_id,
        surface,
        episode_seq,
        count(*) as n_units,
        sum(case when follow_up_us > 0 then 1 else 0 end) as n_at_risk,
        max(follow_up_us) as longest_follow_up_us
    from units
    group by population_id, series_id, surface, episode_seq
)

select * from final
