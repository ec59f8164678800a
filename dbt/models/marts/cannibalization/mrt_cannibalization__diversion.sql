with

panel as (
    select * from {{ ref('mrt_cannibalization__market_panel') }}
),

clock as (
    select as_of
    from {{ ref('int_feed_as_of') }}
    where feed = 'unlocks'
),

methods as (
    select method
    from (values ('staggered_did'), ('staggered_did_log')) as listed (method)
),

-- One row even when there is no panel: that nothing can be said is said.
extent as (
    select
        count(distinct country) as n_markets,
        count(distinct case when launch_week = week_start then country end) as n_launched_markets,
        count(distinct week_start) as n_weeks,
        min(week_start) as first_week,
        max(week_start) as last_week,
        max(currency) as currency
    from panel
),

final as (
    select
        'all' as scope,
        'all' as scope_id,
        methods.method,
        extent.n_markets,
        extent.n_launched_markets,
        extent.n_weeks,
        extent.first_week,
        extent.last_week,
        extent.currency,
        clock.as_of,
        '{{ var("definition_version") }}' as definition_version
    from methods
    cross join extent
    cross join clock
)

select * from final
