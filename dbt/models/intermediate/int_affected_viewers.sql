-- Viewers whose facts this run recomputes: those of pending batches, those whose rows waited for the clock, and whoever
-- shares a playback with them. A set left by a run that did not reach a release is kept until one does.
{%- set facts = ['fct_play', 'fct_episode_transition', 'fct_gate_opportunity'] -%}
{%- set plays = earlier_state('core', 'fct_play') -%}
{%- set transitions = earlier_state('core', 'fct_episode_transition') %}

with

pending_batches as (
    select * from {{ ref('stg_control__pending_batches') }}
),

touched as (
    select * from {{ ref('stg_control__pending_touched') }}
),

feed_as_of as (
    select * from {{ ref('int_feed_as_of') }}
),

views as (
    select * from {{ ref('stg_raw__views') }}
),

unlocks as (
    select * from {{ ref('stg_raw__unlocks') }}
),

durations as (
    select * from {{ ref('int_episode_durations') }}
),

{% if is_everything_affected(facts) -%}

affected as (
    select viewer_key from views
    union
    select viewer_key from unlocks
    {%- for fact in facts if earlier_state('core', fact) is not none %}
    union
    select viewer_key from {{ earlier_state('core', fact) }}
    {%- endfor %}
),

{%- else -%}

waited as (
    select views.viewer_key
    from views
    inner join feed_as_of
        on feed_as_of.feed = 'views'
        and views.event_at > feed_as_of.settled_until
    union
    select unlocks.viewer_key
    from unlocks
    inner join feed_as_of
        on feed_as_of.feed = 'unlocks'
        and unlocks.event_at > feed_as_of.settled_until
),

of_changed_episodes as (
    select distinct transitions.viewer_key
    from {{ transitions }} as transitions
    left join durations
        on transitions.series_id = durations.series_id
        and transitions.episode_seq = durations.episode_seq
    where transitions.duration_ms is distinct from durations.duration_ms
),

named as (
    select viewer_key
    from touched
    where feed in ('views', 'unlocks')
    union
    select viewer_key from waited
    union
    select viewer_key from of_changed_episodes
    {{- union_unfinished('int_affected_viewers', ['viewer_key']) }}
),

-- A playback may change hands (a device that signs in half way), so its other viewers are affected with it.
their_playbacks as (
    select
        views.app_id,
        views.playback_id
    from views
    inner join named
        on views.viewer_key = named.viewer_key
    union
    select
        plays.app_id,
        plays.playback_id
    from {{ plays }} as plays
    left join named
        on plays.viewer_key = named.viewer_key
    where named.viewer_key is not null or plays.is_shared
),

affected as (
    select viewer_key from named
    union
    select views.viewer_key
    from views
    inner join their_playbacks
        on views.app_id = their_playbacks.app_id
        and views.playback_id = their_playbacks.playback_id
),

{%- endif %}

final as (
    select
        affected.viewer_key,
        oldest.batch_id as oldest_pending_batch_id
    from affected
    cross join (select min(batch_id) as batch_id from pending_batches) as oldest
    where affected.viewer_key is not null
)

select * from final
