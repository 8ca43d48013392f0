-- Spans of time in which orders of ours rested at the venue on both sides. An order whose end was
-- never told rests until its session's last line.
with resting as (
    select
        days.day,
        orders.instrument_id,
        orders.side,
        coalesce(orders.accepted_ns, orders.first_filled_ns) as from_ns,
        coalesce(orders.ended_ns, spans.last_ns) as to_ns
    from {{ ref('int_orders_followed') }} as orders
    inner join {{ ref('stg_days') }} as days
        on orders.placed_ns >= days.reads_from_ns and orders.placed_ns < days.ends_ns
    inner join {{ ref('int_sessions_spanned') }} as spans
        on days.day = spans.day and orders.session = spans.session
    where
        orders.rejected_ns is null
        and coalesce(orders.accepted_ns, orders.first_filled_ns) is not null
),

edges as (
    select day, instrument_id, side, from_ns as at_ns, 1 as change from resting
    where to_ns > from_ns
    union all
    select day, instrument_id, side, to_ns as at_ns, -1 as change from resting
    where to_ns > from_ns
),

moments as (
    select
        day,
        instrument_id,
        at_ns,
        coalesce(sum(change) filter (side = 'buy'), 0) as buy_change,
        coalesce(sum(change) filter (side = 'sell'), 0) as sell_change
    from edges
    group by day, instrument_id, at_ns
),

counted as (
    select
        day,
        instrument_id,
        at_ns as from_ns,
        lead(at_ns) over (partition by day, instrument_id order by at_ns) as to_ns,
        sum(buy_change) over (
            partition by day, instrument_id order by at_ns rows unbounded preceding
        ) as buys,
        sum(sell_change) over (
            partition by day, instrument_id order by at_ns rows unbounded preceding
        ) as sells
    from moments
)

select day, instrument_id, from_ns, to_ns
from counted
where buys > 0 and sells > 0 and to_ns > from_ns
