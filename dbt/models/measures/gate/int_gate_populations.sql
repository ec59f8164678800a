-- One row per population of viewers who met the same lock.
with

units as (
    select * from {{ ref('int_gate_units') }}
),

final as (
    select
        population_id,
        series_id,
        surface,
        gate_episode_seq,
        cohort_week,
        count(*) as n_units
    from units
    group by population_id, series_id, surface, gate_episode_seq, cohort_week
)

select * from final
