select
    fills.day,
    {{ moment('fills.at_ns') }} as filled_at,
    fills.session,
    fills.seq,
    fills.instrument_id,
    fills.symbol,
    fills.order_id,
    fills.venue_trade,
    fills.side,
    fills.is_maker,
    {{ decimal_of_nanos('fills.price_nanos') }} as price,
    {{ decimal_of_nanos('abs(fills.delta_nanos)') }} as qty,
    {{ decimal_of_attos('fills.notional_attos') }} as notional,
    fills.fee,
    fills.fee_asset,
    {{ decimal_of_attos('fills.fee_attos') }} as fee_in_quote,
    fills.quote_asset,
    {{ decimal_of_nanos('fills.before_nanos') }} as position_before,
    {{ decimal_of_nanos('fills.after_nanos') }} as position_after,
    {{ decimal_of_attos('fills.cost_attos') }} as position_cost,
    {{ decimal_of_attos('fills.realized_attos') }} as realized
from {{ ref('int_fills_costed') }} as fills
where fills.kind = 'fill'
