-- Every opportunity once in each population it counts in: its surface or all, its cohort week or all. Cohort weeks are told
-- apart at the first lock only; later locks are met by those who passed earlier ones and would make cells of a few viewers.
with

opportunities as (
    select * from {{ ref('int_gate_opportunities') }}
),

in_populations as (
    select
        opportunities.series_id,
        opportunities.gate_episode_seq,
        case when choice.surface_is_kept = 1 then opportunities.surface else 'all' end as surface,
        case when choice.week_is_kept = 1 then cast(opportunities.cohort_week as string) else 'all' end as cohort_week,
        opportunities.follow_up_us,
        opportunities.completed_us,
        opportunities.offered_us,
        opportunities.ad_tried_us,
        opportunities.passed_us,
        opportunities.pass_outcome
    from opportunities
    cross join (values (0, 0), (0, 1), (1, 0), (1, 1)) as choice (surface_is_kept, week_is_kept)
    where choice.week_is_kept = 0 or opportunities.is_first_lock
),

numbered as (
    select
        *,
        dense_rank() over (order by series_id, surface, gate_episode_seq, cohort_week) as population_id
    from in_populations
)

select * from numbered
