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
    cast(measured.horizon_s as bigint) as horizon_s,
    {{ decimal_of_nanos('fills.price_nanos') }} as price,
    {{ decimal_of_nanos('abs(fills.delta_nanos)') }} as qty,
    {{ decimal_of_nanos('measured.mid_nanos') }} as mid,
    {{ decimal_of_nanos(signed('fills.side') ~ ' * (measured.mid_nanos - fills.price_nanos)') }}
        as markout_price,
    {{ decimal_of_attos(notional_attos('(measured.mid_nanos - fills.price_nanos)', 'fills.delta_nanos', 'fills.multiplier_nanos')) }}
        as markout,
    {{ ratio(signed('fills.side') ~ ' * (measured.mid_nanos - fills.price_nanos) * 10000', 'fills.price_nanos') }}
        as markout_bp
from {{ ref('int_markouts_measured') }} as measured
inner join {{ ref('int_fills_costed') }} as fills
    on
        measured.instrument_id = fills.instrument_id
        and measured.at_ns = fills.at_ns
        and measured.session = fills.session
        and measured.seq = fills.seq
