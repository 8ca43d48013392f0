-- An order's events, folded into one row. It belongs to the day that it was placed on, and is
-- followed to an hour after that day's end.
with placed as (
    select order_id, min(at_ns) as placed_ns
    from {{ ref('stg_order_events') }}
    where event in ('PlaceOrder', 'OrderAdopted')
    group by order_id
),

events as (
    select events.*
    from {{ ref('stg_order_events') }} as events
    inner join placed on events.order_id = placed.order_id
    where events.at_ns < (placed.placed_ns // 86400000000000 + 1) * 86400000000000 + 3600000000000
),

folded as (
    select
        order_id,
        any_value(instrument_id) as instrument_id,
        any_value(symbol) as symbol,
        min_by(session, at_ns) as session,
        min(at_ns) filter (event in ('PlaceOrder', 'OrderAdopted')) as placed_ns,
        bool_or(event = 'OrderAdopted') as is_adopted,
        min_by(side, at_ns) filter (side is not null) as side,
        any_value(execution) filter (event = 'PlaceOrder') as execution,
        coalesce(bool_or(reduce_only), false) as reduce_only,
        min_by(price, at_ns) filter (event in ('PlaceOrder', 'OrderAdopted')) as price,
        min_by(qty, at_ns) filter (event in ('PlaceOrder', 'OrderAdopted')) as qty,
        any_value(reason) filter (event = 'PlaceOrder') as placed_for,
        min(at_ns) filter (event = 'OrderAccepted') as accepted_ns,
        min(latency_ms) filter (event = 'OrderAccepted' and latency_ms > 0) as order_latency_ms,
        min(at_ns) filter (event = 'OrderFilled') as first_filled_ns,
        max(at_ns) filter (event = 'OrderFilled') as last_filled_ns,
        min(at_ns) filter (event = 'OrderFilled' and remaining_qty = 0) as filled_ns,
        count(distinct venue_trade) filter (event = 'OrderFilled') as fills,
        min(at_ns) filter (event = 'AmendOrder') as amend_sent_ns,
        max(at_ns) filter (event = 'OrderAmended') as amended_ns,
        count(*) filter (event = 'OrderAmended') as amendments,
        min(at_ns) filter (event = 'CancelOrder') as cancel_sent_ns,
        min_by(reason, (at_ns, seq)) filter (event = 'CancelOrder') as cancelled_for,
        min(at_ns) filter (event = 'OrderCancelled') as cancelled_ns,
        min(latency_ms) filter (event = 'OrderCancelled' and latency_ms > 0) as cancel_latency_ms,
        max(filled_qty) filter (event in ('OrderCancelled', 'OrderExpired')) as filled_qty_told,
        min(at_ns) filter (event = 'OrderRejected') as rejected_ns,
        min_by(code, at_ns) filter (event = 'OrderRejected') as reject_code,
        min_by(reason, at_ns) filter (event = 'OrderRejected') as reject_reason,
        min(at_ns) filter (event = 'OrderExpired') as expired_ns,
        min(at_ns) filter (event = 'OrderUnknown') as unknown_ns,
        count(*) filter (event in ('CancelRefused', 'AmendRefused')) as refusals
    from events
    group by order_id
),

fills as (
    select order_id, venue_trade, min(qty) as qty
    from events
    where event = 'OrderFilled'
    group by order_id, venue_trade
),

filled as (
    select order_id, cast(sum(qty) as decimal(38, 18)) as filled_qty
    from fills
    group by order_id
)

select
    cast({{ moment('folded.placed_ns') }} as date) as day,
    folded.*,
    coalesce(filled.filled_qty, 0) as filled_qty,
    least(folded.rejected_ns, folded.filled_ns, folded.cancelled_ns, folded.expired_ns) as ended_ns,
    case
        when folded.rejected_ns is not null then 'rejected'
        when folded.filled_ns is not null then 'filled'
        when folded.cancelled_ns is not null then 'cancelled'
        when folded.expired_ns is not null then 'expired'
        when folded.unknown_ns is not null and folded.accepted_ns is null then 'unknown'
        when folded.cancel_sent_ns is not null then 'pending_cancel'
        when folded.first_filled_ns is not null then 'partially_filled'
        when folded.accepted_ns is not null then 'open'
        else 'pending_new'
    end as state
from folded
left join filled on folded.order_id = filled.order_id
