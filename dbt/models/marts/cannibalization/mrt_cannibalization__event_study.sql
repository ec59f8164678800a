with

panel as (
    select * from {{ ref('mrt_cannibalization__market_panel') }}
),

diversion as (
    select * from {{ ref('mrt_cannibalization__diversion') }}
),

-- Markets with weeks before and after their launch; the launch week itself when it is a whole one.
around_launch as (
    select
        country,
        {{ whole_quotient(days_between('launch_week', 'week_start'), '7') }} as event_week,
        own_app_net_micros,
        in_platform_net_micros
    from panel
    inner join (select min(week_start) as first_week from panel) as bounds
        on panel.launch_week > bounds.first_week
    where not (panel.is_midweek_launch and panel.week_start = panel.launch_week)
),

final as (
    select
        diversion.scope,
        diversion.scope_id,
        diversion.method,
        cast(around_launch.event_week as bigint) as event_week,
        count(*) as n_markets,
        cast(sum(around_launch.own_app_net_micros) as bigint) as own_app_net_micros,
        cast(sum(around_launch.in_platform_net_micros) as bigint) as in_platform_net_micros,
        max(diversion.currency) as currency,
        max(diversion.as_of) as as_of,
        max(diversion.definition_version) as definition_version
    from around_launch
    cross join diversion
    where around_launch.event_week >= {{ -var('event_study_lead_weeks', 8) }}
    group by diversion.scope, diversion.scope_id, diversion.method, around_launch.event_week
)

select * from final
