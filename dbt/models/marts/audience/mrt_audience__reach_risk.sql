with

populations as (
    select * from {{ ref('int_reach_populations') }}
),

units as (
    select * from {{ ref('int_reach_units') }}
),

events as (
    select * from {{ ref('int_reach_events') }}
),

{{ risk_table('units', 'events', 'populations', 'episode_seq', var('reach_horizon_hours'), 3600000000) }},

final as (
    select
        populations.series_id,
        populations.surface,
        populations.cohort_week,
        risk_stretches.episode_seq,
        cast(risk_stretches.horizon as bigint) as horizon_hours,
        risk_stretches.stretch_no,
        risk_stretches.n_before,
        risk_stretches.n_event
    from risk_stretches
    inner join populations
        on risk_stretches.population_id = populations.population_id
)

select * from final
