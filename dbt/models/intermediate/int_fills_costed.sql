-- One row for each fill and re-basing: what it realized, what it cost, what the position costs after.
with costs as (
    select
        instrument_id,
        at_ns,
        session,
        seq,
        case when count(*) = count(realized_attos) then sum(realized_attos) end as realized_attos,
        arg_max_null(cost_attos, part) as cost_attos
    from {{ ref('int_costs_folded') }}
    group by instrument_id, at_ns, session, seq
)

select
    moves.day,
    moves.at_ns,
    moves.session,
    moves.seq,
    moves.kind,
    moves.instrument_id,
    moves.symbol,
    moves.order_id,
    moves.venue_trade,
    moves.side,
    moves.is_maker,
    moves.price_nanos,
    moves.before_nanos,
    moves.after_nanos,
    moves.after_nanos - moves.before_nanos as delta_nanos,
    {{ notional_attos('moves.price_nanos', 'abs(moves.after_nanos - moves.before_nanos)', 'instruments.multiplier_nanos') }}
        as notional_attos,
    costs.cost_attos,
    costs.realized_attos,
    moves.fee,
    moves.fee_asset,
    case
        when moves.fee = 0 then 0
        when moves.fee_asset = instruments.quote_asset then {{ attos_of('moves.fee') }}
        when moves.fee_asset = instruments.base_asset
            then {{ nanos_of('moves.fee') }} * moves.price_nanos
    end as fee_attos,
    instruments.quote_asset,
    instruments.multiplier_nanos
from {{ ref('int_positions_replayed') }} as moves
inner join costs
    on
        moves.instrument_id = costs.instrument_id
        and moves.at_ns = costs.at_ns
        and moves.session = costs.session
        and moves.seq = costs.seq
left join {{ ref('int_instruments') }} as instruments
    on moves.instrument_id = instruments.instrument_id
