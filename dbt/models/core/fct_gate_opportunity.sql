{{ config(
    materialized='incremental',
    incremental_strategy='replace_affected',
    affected_by='viewers',
    on_schema_change='fail',
) }}

with

transitions as (
    select * from {{ ref('fct_episode_transition') }}
),

episode_access as (
    select * from {{ ref('stg_reference__episode_access') }}
),

unlocks as (
    select * from {{ ref('stg_raw__unlocks') }}
),

feed_as_of as (
    select * from {{ ref('int_feed_as_of') }}
),

passes as (
    select transitions.*
    from transitions
    where
        transitions.is_first_pass
        and not transitions.is_last_episode
        and {{ is_affected('viewers', 'transitions') }}
),

-- The term that held for the next episode when this one was started; a market's own term goes before the one for all.
terms as (
    select
        passes.viewer_key,
        passes.series_id,
        passes.episode_seq,
        episode_access.is_free,
        episode_access.unlock_methods,
        episode_access.price_tokens,
        episode_access.token_type,
        row_number() over (
            partition by passes.viewer_key, passes.series_id, passes.episode_seq
            order by
                case when episode_access.country = '*' then 1 else 0 end,
                episode_access.valid_from desc
        ) as term_no
    from passes
    inner join episode_access
        on passes.series_id = episode_access.series_id
        and passes.episode_seq + 1 = episode_access.episode_seq
        and passes.surface = episode_access.surface
        and (episode_access.country = '*' or episode_access.country = passes.country)
        and passes.started_at >= episode_access.valid_from
        and (episode_access.valid_to is null or passes.started_at < episode_access.valid_to)
),

steps as (
    select unlocks.*
    from unlocks
    inner join feed_as_of
        on feed_as_of.feed = 'unlocks'
        and unlocks.event_at <= feed_as_of.as_of
    where
        unlocks.event_type in ('offered', 'unlocked')
        and not unlocks.is_test
        and {{ is_affected('viewers', 'unlocks') }}
),

-- Whoever had the right before meeting the lock met no lock: an unlock that reaches ahead, or a running pass.
already_open as (
    select distinct
        passes.viewer_key,
        passes.series_id,
        passes.episode_seq
    from passes
    inner join steps
        on passes.viewer_key = steps.viewer_key
        and passes.series_id = steps.series_id
        and passes.episode_seq + 1 between steps.episode_seq_from and steps.episode_seq_to
        and steps.event_at <= passes.started_at
    where steps.event_type = 'unlocked'
),

locked as (
    select
        passes.*,
        terms.unlock_methods,
        terms.price_tokens,
        terms.token_type,
        row_number() over (
            partition by passes.viewer_key, passes.series_id
            order by passes.started_at, passes.episode_seq
        ) as lock_no
    from passes
    inner join terms
        on passes.viewer_key = terms.viewer_key
        and passes.series_id = terms.series_id
        and passes.episode_seq = terms.episode_seq
        and terms.term_no = 1
    left join already_open
        on passes.viewer_key = already_open.viewer_key
        and passes.series_id = already_open.series_id
        and passes.episode_seq = already_open.episode_seq
    where
        not terms.is_free
        and already_open.viewer_key is null
        and passes.access_type not in ('subscription', 'vip')
),

opportunities as (
    select *
    from locked
    where lock_no = 1
),

answers as (
    select
        opportunities.viewer_key,
        opportunities.series_id,
        steps.source,
        steps.order_id,
        steps.event_type,
        steps.event_at,
        steps.unlock_method,
        steps.experiment_id,
        steps.arm,
        row_number() over (
            partition by opportunities.viewer_key, opportunities.series_id, steps.event_type
            order by steps.event_at, steps.source, steps.order_id, steps.line_no, steps.event_seq
        ) as answer_no
    from opportunities
    inner join steps
        on opportunities.viewer_key = steps.viewer_key
        and opportunities.series_id = steps.series_id
        and opportunities.episode_seq + 1 between steps.episode_seq_from and steps.episode_seq_to
        and steps.event_at >= opportunities.started_at
),

first_offers as (
    select *
    from answers
    where event_type = 'offered' and answer_no = 1
),

first_unlocks as (
    select *
    from answers
    where event_type = 'unlocked' and answer_no = 1
),

final as (
    select
        opportunities.viewer_key,
        opportunities.series_id,
        opportunities.episode_seq + 1 as gate_episode_seq,
        opportunities.app_id,
        opportunities.surface,
        opportunities.country,
        opportunities.entry_surface,
        opportunities.cohort_week,
        opportunities.started_at as met_at,
        opportunities.completed_at,
        opportunities.unlock_methods,
        opportunities.price_tokens,
        opportunities.token_type,
        first_offers.event_at as first_offer_at,
        first_offers.order_id as first_offer_id,
        first_offers.experiment_id,
        first_offers.arm,
        first_unlocks.event_at as first_unlock_at,
        first_unlocks.order_id as first_unlock_order_id,
        first_unlocks.unlock_method as first_unlock_method,
        opportunities.next_episode_started_at as gate_episode_started_at,
        opportunities.next_started_at
    from opportunities
    left join first_offers
        on opportunities.viewer_key = first_offers.viewer_key
        and opportunities.series_id = first_offers.series_id
    left join first_unlocks
        on opportunities.viewer_key = first_unlocks.viewer_key
        and opportunities.series_id = first_unlocks.series_id
)

select * from final
