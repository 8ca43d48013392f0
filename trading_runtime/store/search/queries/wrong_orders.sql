-- Orders that the strategy should not have sent: by hour and instrument, against those that it placed.
-- events: PlaceOrder, IntentRefused, OrderRejected, OrderUnknown, CancelRefused, AmendRefused, OrderCancelled, OrderFilled, TransitionImpossible, FillsDisagree
with told as (
    select
        ts,
        ts // 3600000000000 as hour,
        event,
        order_id,
        coalesce(line ->> 'instrument_id', '') as instrument_id,
        cast(coalesce(line ->> 'filled', '0') as decimal(38, 18)) as filled
    from lines
),

placed as (
    select order_id, min(ts) as ts
    from told
    where event = 'PlaceOrder'
    group by order_id
),

filled as (
    select distinct order_id
    from told
    where event = 'OrderFilled'
),

aged as (
    select
        told.*,
        told.ts - placed.ts as age_ns,
        filled.order_id is not null or told.filled > 0 as was_filled
    from told
    left join placed on told.order_id = placed.order_id
    left join filled on told.order_id = filled.order_id
),

counted as (
    select
        hour,
        instrument_id,
        count(*) filter (where event = 'PlaceOrder') as placed,
        count(*) filter (where event = 'IntentRefused') as refused_by_risk,
        count(*) filter (where event = 'OrderRejected') as rejected_by_venue,
        count(*) filter (where event in ('CancelRefused', 'AmendRefused')) as too_late,
        count(*) filter (where event = 'OrderUnknown') as unknown_fate,
        count(*) filter (where event in ('TransitionImpossible', 'FillsDisagree')) as impossible,
        -- Withdrawn within 100 ms without a fill: the quote was wrong when it was sent.
        count(*) filter (
            where event = 'OrderCancelled' and not was_filled and age_ns < 100000000
        ) as withdrawn_at_once
    from aged
    group by hour, instrument_id
)

select
    at_utc(hour * 3600000000000) as hour,
    instrument_id,
    placed,
    refused_by_risk,
    rejected_by_venue,
    too_late,
    unknown_fate,
    impossible,
    withdrawn_at_once,
    -- Of all that the strategy wanted; null where it wanted nothing.
    round(
        100.0 * (refused_by_risk + rejected_by_venue) / nullif(placed + refused_by_risk, 0), 3
    ) as wrong_percent
from counted
order by counted.hour asc, instrument_id asc
