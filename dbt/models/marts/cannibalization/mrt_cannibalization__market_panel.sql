with

revenue as (
    select * from {{ ref('int_market_revenue') }}
),

launches as (
    select * from {{ ref('int_market_launches') }}
),

clock as (
    select
        as_of,
        {{ utc_date('as_of') }} as as_of_date
    from {{ ref('int_feed_as_of') }}
    where feed = 'unlocks'
),

days as (
    select distinct unlocked_date
    from revenue
),

-- A stray row years back must not open years of empty weeks, which would pass for weeks before a launch: the log begins
-- with the first day whose week, itself included, has unlocks on most days.
busy_days as (
    select days.unlocked_date
    from days
    inner join days as around
        on around.unlocked_date between days.unlocked_date and {{ add_days('days.unlocked_date', 6) }}
    group by days.unlocked_date
    having count(*) >= 4
),

bounds as (
    select
        min(busy_days.unlocked_date) as first_date,
        max(clock.as_of_date) as as_of_date
    from busy_days
    cross join clock
),

full_weeks as (
    select week_start
    from (
        select
            {{ add_days(monday_of('bounds.first_date'), 'numbers.week_no * 7') }} as week_start,
            bounds.first_date,
            bounds.as_of_date
        from bounds
        cross join (select {{ each_integer(0, 1000) }} as week_no) as numbers
    ) as weeks
    where week_start >= first_date and {{ add_days('week_start', 7) }} <= as_of_date
),

markets as (
    select country from launches
    union
    select country from revenue
),

weekly as (
    select
        country,
        {{ monday_of('unlocked_date') }} as week_start,
        max(currency) as currency,
        sum(n_lines) as n_lines,
        sum(n_unvalued_lines) as n_unvalued_lines,
        sum(case when side = 'own_app' then net_micros else 0 end) as own_app_net_micros,
        sum(case when side = 'in_platform' then net_micros else 0 end) as in_platform_net_micros
    from revenue
    group by country, {{ monday_of('unlocked_date') }}
),

-- In-platform revenue in a market that the plan does not have live: the plan is wrong there, and the launch unknown.
contradicted as (
    select revenue.country
    from revenue
    left join launches
        on revenue.country = launches.country
    where revenue.side = 'in_platform' and revenue.net_micros > 0 and launches.launch_date is null
    group by revenue.country
),

final as (
    select
        markets.country,
        full_weeks.week_start,
        cast(coalesce(weekly.own_app_net_micros, 0) as bigint) as own_app_net_micros,
        cast(coalesce(weekly.in_platform_net_micros, 0) as bigint) as in_platform_net_micros,
        (select max(currency) from revenue) as currency,
        cast(coalesce(weekly.n_lines, 0) as bigint) as n_lines,
        cast(coalesce(weekly.n_unvalued_lines, 0) as bigint) as n_unvalued_lines,
        launches.launch_date,
        {{ monday_of('launches.launch_date') }} as launch_week,
        coalesce(launches.launch_date <> {{ monday_of('launches.launch_date') }}, false) as is_midweek_launch,
        contradicted.country is null as is_launch_known,
        clock.as_of,
        '{{ var("definition_version") }}' as definition_version
    from markets
    cross join full_weeks
    cross join clock
    left join launches
        on markets.country = launches.country
    left join contradicted
        on markets.country = contradicted.country
    left join weekly
        on markets.country = weekly.country
        and full_weeks.week_start = weekly.week_start
)

select * from final
