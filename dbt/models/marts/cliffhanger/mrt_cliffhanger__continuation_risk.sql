with

populations as (
    select * from {{ ref('int_continuation_populations') }}
),

units as (
    select * from {{ ref('int_continuation_units') }}
),

events as (
    select * from {{ ref('int_continuation_events') }}
),

{{ risk_table('units', 'events', 'populations', 'mode', var('continuation_window_seconds'), 1000000) }},

final as (
    select
        populations.series_id,
        populations.surface,
        populations.episode_seq,
        risk_stretches.mode,
        cast(risk_stretches.horizon as bigint) as window_seconds,
        risk_stretches.stretch_no,
        risk_stretches.n_before,
        risk_stretches.n_event
    from risk_stretches
    inner join populations
        on risk_stretches.population_id = populations.population_id
)

select * from final
