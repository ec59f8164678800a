-- Passes by how they came about. Who passes another way has no event of a kind but stays at risk to the end of follow-up
-- (subdistribution incidence), so the curves of the kinds add up.
with

units as (
    select * from {{ ref('int_gate_units') }}
),

final as (
    select
        population_id,
        pass_outcome as outcome,
        passed_us as event_us,
        follow_up_us
    from units
    where passed_us is not null
)

select * from final
