-- Weight of each series behind each statement and stretch of days, cut by the contract version that holds on the day; rows
-- without a contract are the house's. Both directions cut the same weights.
with

components as (
    select * from {{ ref('int_statement_components_attributed') }}
),

weights as (
    select * from {{ ref('int_activity_weights_frozen') }}
),

region_countries as (
    select * from {{ ref('stg_reference__region_countries') }}
),

contracts as (
    select * from {{ ref('dim_contract') }}
),

stretches as (
    select distinct
        platform,
        statement_no,
        statement_version,
        stream,
        region_entity,
        time_zone,
        activity_period,
        starts_on,
        ends_on
    from components
),

directions as (
    select direction
    from (values ('PAYABLE'), ('RECEIVABLE')) as listed (direction)
),

cells as (
    select
        stretches.platform,
        stretches.statement_no,
        stretches.statement_version,
        stretches.activity_period,
        stretches.stream,
        weights.series_id,
        weights.surface,
        weights.country,
        weights.activity_date,
        weights.weight
    from stretches
    inner join region_countries
        on stretches.region_entity = region_countries.region_entity
    inner join weights
        on stretches.platform = weights.platform
        and stretches.stream = weights.stream
        and stretches.time_zone = weights.time_zone
        and region_countries.country = weights.country
        and weights.activity_date between stretches.starts_on and stretches.ends_on
),

held as (
    select
        cells.*,
        directions.direction,
        contracts.contract_id,
        contracts.contract_version,
        case contracts.tier_window
            when 'MONTH' then cells.activity_period
            when 'CONTRACT_YEAR'
                then 'YEAR-' || cast(
                    extract(year from cells.activity_date) - extract(year from contracts.anchored_on) + 1
                    - case
                        when
                            extract(month from cells.activity_date) * 100 + extract(day from cells.activity_date)
                            < extract(month from contracts.anchored_on) * 100 + extract(day from contracts.anchored_on)
                            then 1
                        else 0
                    end as string
                )
            else contracts.tier_window
        end as tier_window,
        count(*) over (
            partition by
                cells.platform,
                cells.statement_no,
                cells.statement_version,
                cells.activity_period,
                directions.direction,
                cells.series_id,
                cells.surface,
                cells.country,
                cells.activity_date
        ) as holding_count
    from cells
    cross join directions
    left join contracts
        on directions.direction = contracts.direction
        and cells.stream = contracts.stream
        and (
            cells.series_id = contracts.series_id
            or (
                contracts.series_id = '*'
                -- What belongs to no series is the house's; what a platform owes includes it.
                and (cells.series_id <> 'UNATTRIBUTED' or contracts.direction = 'RECEIVABLE')
            )
        )
        and contracts.surface in (cells.surface, '*')
        and (contracts.territories = '*' or ';' || contracts.territories || ';' like '%;' || cells.country || ';%')
        and cells.activity_date >= contracts.effective_from
        and (contracts.effective_to is null or cells.activity_date < contracts.effective_to)
),

final as (
    select
        platform,
        statement_no,
        statement_version,
        activity_period,
        direction,
        series_id,
        contract_id,
        contract_version,
        tier_window,
        cast(sum(weight) as bigint) as weight,
        max(holding_count) as holding_count
    from held
    group by
        platform,
        statement_no,
        statement_version,
        activity_period,
        direction,
        series_id,
        contract_id,
        contract_version,
        tier_window
)

select * from final
