-- When each viewer first got the right to each locked episode, and how. A batch counts for every episode of its range.
with

unlocks as (
    select * from {{ ref('fct_unlock') }}
),

unlocked as (
    select
        viewer_key,
        series_id,
        {{ each_integer('episode_seq_from', 'episode_seq_to') }} as episode_seq,
        unlocked_at,
        -- Where the source does not name the method, what was given for it tells.
        coalesce(
            unlock_method,
            case
                when token_paid + token_bonus > 0 then 'coin'
                when ad_event_id is not null then 'ad_reward'
                else 'promo'
            end
        ) as unlock_method,
        source,
        order_id,
        line_no
    from unlocks
    where unlocked_at is not null and viewer_key is not null and not is_test
),

ranked as (
    select
        *,
        row_number() over (
            partition by viewer_key, series_id, episode_seq
            order by unlocked_at, source, order_id, line_no
        ) as unlock_no
    from unlocked
),

final as (
    select
        viewer_key,
        series_id,
        episode_seq,
        unlocked_at,
        unlock_method
    from ranked
    where unlock_no = 1
)

select * from final
