-- Coin and Bean revenue on one basis: tokens spent on episodes at the cash value of the paid ones, less what came back, less
-- the fee of store or platform. Top-ups are no revenue here: a coin bought is not yet a coin spent. One row per market, UTC
-- date and side.
with

unlocks as (
    select * from {{ ref('fct_unlock') }}
),

fees as (
    select * from {{ source('reference', 'fee_schedule') }}
),

lines as (
    select
        country,
        unlocked_date,
        surface,
        case when surface in ('tiktok_minis', 'tiktok_drama_center') then 'in_platform' else 'own_app' end as side,
        token_paid,
        net_micros,
        currency
    from unlocks
    where unlock_method in ('beans', 'coin') and unlocked_at is not null and country is not null and not is_test
),

currencies as (
    select
        currency,
        row_number() over (order by count(*) desc, currency) as currency_no
    from lines
    where currency is not null
    group by currency
),

charged as (
    select
        terms.surface,
        terms.unlocked_date,
        fees.fee_ppm,
        row_number() over (
            partition by terms.surface, terms.unlocked_date
            order by fees.valid_from desc
        ) as term_no
    from (
        select distinct
            surface,
            unlocked_date,
            side
        from lines
    ) as terms
    inner join fees
        on terms.surface = fees.surface
        and fees.stream = case when terms.side = 'in_platform' then 'iap_beans' else 'own_app' end
        and terms.unlocked_date >= fees.valid_from
        and (fees.valid_to is null or terms.unlocked_date < fees.valid_to)
),

-- Bonus tokens are worth no cash, so a line of them alone has a known value without currency or fee.
valued as (
    select
        lines.country,
        lines.unlocked_date,
        lines.side,
        case
            when lines.token_paid = 0 then 0
            when lines.currency = currencies.currency then lines.net_micros
        end as net_micros,
        case when lines.token_paid = 0 then 0 else charged.fee_ppm end as fee_ppm,
        currencies.currency
    from lines
    left join currencies
        on currencies.currency_no = 1
    left join charged
        on lines.surface = charged.surface
        and lines.unlocked_date = charged.unlocked_date
        and charged.term_no = 1
),

-- The fee is taken from sums, so that a fraction of a micro is lost once per market, day and fee and not once per line.
by_fee as (
    select
        country,
        unlocked_date,
        side,
        currency,
        count(*) as n_lines,
        sum(case when net_micros is null or fee_ppm is null then 1 else 0 end) as n_unvalued_lines,
        {{ whole_quotient('sum(case when fee_ppm is not null then coalesce(net_micros, 0) else 0 end) * (1000000 - coalesce(fee_ppm, 0))', '1000000') }} as net_micros
    from valued
    group by country, unlocked_date, side, currency, fee_ppm
),

final as (
    select
        country,
        unlocked_date,
        side,
        currency,
        cast(sum(n_lines) as bigint) as n_lines,
        cast(sum(n_unvalued_lines) as bigint) as n_unvalued_lines,
        cast(sum(net_micros) as bigint) as net_micros
    from by_fee
    group by country, unlocked_date, side, currency
)

select * from final
