{#
  The risk table of a Kaplan-Meier estimate, made small without loss.

  Between two censorings the product of (n_i - d_i) / n_i telescopes to n_after / n_before, and Greenwood's sum of
  d / (n (n - d)) to 1 / n_after - 1 / n_before. So one row per stretch of events that no censoring interrupts, cut
  also at each horizon, carries the same estimate and the same variance as the full table (Kaplan and Meier 1958;
  Greenwood 1926; events at the time of a censoring come before it).

  Arguments:
    units: relation (population_id, follow_up_us): everyone at risk from time 0, with the time their follow-up ends.
    events: relation (population_id, <split_by>, event_us, follow_up_us): the first event of a unit, if it has one within
        its follow-up; a unit may have one event in each split (an episode reached, a way of starting).
    populations: relation (population_id, n_units).
    split_by: the column that tells apart the curves of one population.
    horizons, scale: where curves are read, in the published unit, and microseconds per unit.

  A list of CTEs that ends in `risk_stretches` (population_id, <split_by>, horizon, stretch_no, n_before, n_event).
  Whoever had the event leaves the risk set by it, so the censorings before an event are the ends of follow-up before it
  less those of units that had their event earlier: two running counts instead of one row per unit and curve.
#}
{% macro risk_table(units, events, populations, split_by, horizons, scale) -%}
event_points as (
    select
        population_id,
        {{ split_by }},
        event_us,
        follow_up_us,
        {{ first_at_least('event_us', horizons, scale) }} as horizon
    from {{ events }}
    where event_us <= {{ horizons | max * scale }}
),

population_timeline as (
    select
        population_id,
        {{ split_by }},
        event_us as at_us,
        0 as is_end,
        follow_up_us,
        horizon
    from event_points
    union all
    select
        population_id,
        null as {{ split_by }},
        follow_up_us as at_us,
        1 as is_end,
        null as follow_up_us,
        null as horizon
    from {{ units }}
    where follow_up_us < {{ horizons | max * scale }}
),

with_ends_before as (
    select
        *,
        sum(is_end) over (
            partition by population_id
            order by at_us, is_end
            rows between unbounded preceding and current row
        ) as n_ends_before
    from population_timeline
),

curve_timeline as (
    select
        population_id,
        {{ split_by }},
        at_us,
        0 as is_end,
        horizon,
        n_ends_before
    from with_ends_before
    where is_end = 0
    union all
    select
        population_id,
        {{ split_by }},
        follow_up_us as at_us,
        1 as is_end,
        null as horizon,
        null as n_ends_before
    from event_points
    where follow_up_us < {{ horizons | max * scale }}
),

with_event_units_ended_before as (
    select
        *,
        sum(is_end) over (
            partition by population_id, {{ split_by }}
            order by at_us, is_end
            rows between unbounded preceding and current row
        ) as n_event_units_ended_before
    from curve_timeline
),

stretches as (
    select
        population_id,
        {{ split_by }},
        horizon,
        n_ends_before - n_event_units_ended_before as stretch_no,
        count(*) as n_event
    from with_event_units_ended_before
    where is_end = 0
    group by population_id, {{ split_by }}, horizon, n_ends_before - n_event_units_ended_before
),

risk_stretches as (
    select
        stretches.population_id,
        stretches.{{ split_by }},
        stretches.horizon,
        cast(stretches.stretch_no as bigint) as stretch_no,
        cast(
            populations.n_units - stretches.stretch_no - coalesce(
                sum(stretches.n_event) over (
                    partition by stretches.population_id, stretches.{{ split_by }}
                    order by stretches.horizon, stretches.stretch_no
                    rows between unbounded preceding and 1 preceding
                ),
                0
            ) as bigint
        ) as n_before,
        stretches.n_event
    from stretches
    inner join {{ populations }} as populations
        on stretches.population_id = populations.population_id
)
{%- endmacro %}
