-- First starts of the next episode by how it came about. A start of the other kind is no event of a kind: the viewer stays
-- at risk to the end of follow-up, which makes the curves of the kinds add up (subdistribution incidence).
with

units as (
    select * from {{ ref('int_continuation_units') }}
),

final as (
    select
        units.population_id,
        kinds.mode,
        units.event_us,
        units.follow_up_us
    from units
    inner join (values ('all'), ('autoplay'), ('active')) as kinds (mode)
        on kinds.mode = 'all' or kinds.mode = case when units.next_is_autoplay then 'autoplay' else 'active' end
    where units.event_us is not null
)

select * from final
