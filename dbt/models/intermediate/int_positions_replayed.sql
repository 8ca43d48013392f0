-- Every fill of ours, and every re-basing on the venue's position, in order, with the position
-- before and after it in 10**-9. A fill that is told twice in a day counts once.
with fills as (
    select
        events.at_ns,
        events.session,
        events.seq,
        'fill' as kind,
        events.instrument_id,
        events.symbol,
        events.order_id,
        events.venue_trade,
        events.side,
        events.is_maker,
        {{ nanos_of('events.price') }} as price_nanos,
        {{ signed('events.side') }} * {{ nanos_of('events.qty') }} as delta_nanos,
        cast(null as hugeint) as target_nanos,
        events.fee,
        events.fee_asset
    from {{ ref('stg_order_events') }} as events
    where events.event = 'OrderFilled'
    qualify row_number() over (
        partition by
            events.at_ns // 86400000000000,
            events.instrument_id,
            events.order_id,
            events.venue_trade
        order by events.at_ns, events.session, events.seq
    ) = 1
),

-- The difference counts as traded at the mid of the moment, as the runtime counts it at its mark.
rebases as (
    select
        drifts.at_ns,
        drifts.session,
        drifts.seq,
        'rebase' as kind,
        drifts.instrument_id,
        drifts.symbol,
        cast(null as varchar) as order_id,
        cast(null as varchar) as venue_trade,
        cast(null as varchar) as side,
        cast(null as boolean) as is_maker,
        case when drifts.at_ns - mids.at_ns <= 3600000000000 then mids.mid_nanos end as price_nanos,
        cast(0 as hugeint) as delta_nanos,
        {{ nanos_of('drifts.position_after') }} as target_nanos,
        cast(0 as decimal(38, 18)) as fee,
        cast(null as varchar) as fee_asset
    from {{ ref('stg_position_rebases') }} as drifts
    asof left join {{ ref('stg_mids') }} as mids
        on drifts.instrument_id = mids.instrument_id and drifts.at_ns >= mids.at_ns
),

moves as (
    select * from fills
    union all
    select * from rebases
),

of_days as (
    select
        days.day,
        moves.*,
        coalesce(before.position_nanos, 0) as opening_nanos,
        count(*) filter (moves.kind = 'rebase') over (
            partition by moves.instrument_id
            order by moves.at_ns, moves.session, moves.seq
            rows unbounded preceding
        ) as era
    from moves
    inner join {{ ref('stg_days') }} as days
        on moves.at_ns >= days.starts_ns and moves.at_ns < days.ends_ns
    left join {{ ref('int_ledger_carried') }} as before
        on moves.instrument_id = before.instrument_id
),

replayed as (
    select
        *,
        (case
            when era = 0 then opening_nanos
            else first_value(target_nanos) over (
                partition by instrument_id, era order by at_ns, session, seq
            )
        end) + sum(delta_nanos) over (
            partition by instrument_id, era
            order by at_ns, session, seq
            rows unbounded preceding
        ) as after_nanos
    from of_days
)

select
    day,
    at_ns,
    session,
    seq,
    kind,
    instrument_id,
    symbol,
    order_id,
    venue_trade,
    side,
    is_maker,
    price_nanos,
    fee,
    fee_asset,
    lag(after_nanos, 1, opening_nanos) over (
        partition by instrument_id order by at_ns, session, seq
    ) as before_nanos,
    after_nanos
from replayed
