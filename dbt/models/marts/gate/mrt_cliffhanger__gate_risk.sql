with

populations as (
    select * from {{ ref('int_gate_populations') }}
),

units as (
    select * from {{ ref('int_gate_units') }}
),

events as (
    select * from {{ ref('int_gate_passes') }}
),

{{ risk_table('units', 'events', 'populations', 'outcome', var('gate_window_hours', [24, 72, 168]), 3600000000) }},

final as (
    select
        populations.series_id,
        populations.surface,
        populations.gate_episode_seq,
        populations.cohort_week,
        risk_stretches.outcome,
        cast(risk_stretches.horizon as bigint) as window_hours,
        risk_stretches.stretch_no,
        risk_stretches.n_before,
        risk_stretches.n_event
    from risk_stretches
    inner join populations
        on risk_stretches.population_id = populations.population_id
)

select * from final
