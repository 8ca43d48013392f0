with periods as (
    select * from {{ ref('int_parameter_periods') }}
),

orders as (
    select
        periods.instrument_id,
        periods.from_ns,
        count(*) as orders,
        count(*) filter (orders.fills > 0) as orders_filled
    from periods
    inner join {{ ref('int_orders_followed') }} as orders
        on
            periods.instrument_id = orders.instrument_id
            and orders.placed_ns >= periods.from_ns
            and orders.placed_ns < periods.to_ns
    group by periods.instrument_id, periods.from_ns
),

fills as (
    select
        periods.instrument_id,
        periods.from_ns,
        count(*) filter (fills.kind = 'fill') as fills,
        sum(fills.notional_attos) filter (fills.kind = 'fill') as volume_attos,
        sum(fills.realized_attos) as realized_attos,
        coalesce(sum(fills.fee_attos), 0) as fees_attos,
        sum({{ notional_attos('fills.price_nanos', 'fills.delta_nanos', 'fills.multiplier_nanos') }})
            as paid_attos,
        count(*) filter (
            fills.kind = 'fill' and fills.notional_attos is null
        ) as unknown,
        arg_min(fills.before_nanos, (fills.at_ns, fills.session, fills.seq)) as opening_nanos,
        arg_max(fills.after_nanos, (fills.at_ns, fills.session, fills.seq)) as closing_nanos
    from periods
    inner join {{ ref('int_fills_costed') }} as fills
        on
            periods.instrument_id = fills.instrument_id
            and fills.at_ns >= periods.from_ns
            and fills.at_ns < periods.to_ns
    group by periods.instrument_id, periods.from_ns
),

markouts as (
    select
        periods.instrument_id,
        periods.from_ns,
        count(measured.mid_nanos) as markouts,
        sum({{ notional_attos('(measured.mid_nanos - fills.price_nanos)', 'fills.delta_nanos', 'fills.multiplier_nanos') }})
            as markout_attos,
        sum(fills.notional_attos) filter (measured.mid_nanos is not null) as marked_attos
    from periods
    inner join {{ ref('int_fills_costed') }} as fills
        on
            periods.instrument_id = fills.instrument_id
            and fills.at_ns >= periods.from_ns
            and fills.at_ns < periods.to_ns
    inner join {{ ref('int_markouts_measured') }} as measured
        on
            fills.instrument_id = measured.instrument_id
            and fills.at_ns = measured.at_ns
            and fills.session = measured.session
            and fills.seq = measured.seq
            and measured.horizon_s = 10
    group by periods.instrument_id, periods.from_ns
),

joined as (
    select
        periods.*,
        coalesce(orders.orders, 0) as orders,
        coalesce(orders.orders_filled, 0) as orders_filled,
        coalesce(fills.fills, 0) as fills,
        coalesce(fills.unknown, 0) as unknown,
        coalesce(fills.volume_attos, 0) as volume_attos,
        coalesce(fills.realized_attos, 0) as realized_attos,
        coalesce(fills.fees_attos, 0) as fees_attos,
        coalesce(fills.paid_attos, 0) as paid_attos,
        fills.opening_nanos,
        fills.closing_nanos,
        coalesce(markouts.markouts, 0) as markouts,
        markouts.markout_attos,
        markouts.marked_attos
    from periods
    left join orders
        on periods.instrument_id = orders.instrument_id and periods.from_ns = orders.from_ns
    left join fills
        on periods.instrument_id = fills.instrument_id and periods.from_ns = fills.from_ns
    left join markouts
        on periods.instrument_id = markouts.instrument_id and periods.from_ns = markouts.from_ns
),

moments as (
    select instrument_id, at_ns, arg_max(after_nanos, (session, seq)) as after_nanos
    from {{ ref('int_positions_replayed') }}
    group by instrument_id, at_ns
),

-- Without a fill in the period, the position is that after the last fill before it.
placed as (
    select
        joined.*,
        coalesce(last_move.after_nanos, before.position_nanos, 0) as position_nanos
    from joined
    asof left join moments as last_move
        on joined.instrument_id = last_move.instrument_id and joined.from_ns > last_move.at_ns
    left join {{ ref('int_ledger_carried') }} as before
        on joined.instrument_id = before.instrument_id
),

-- A mid of before what the day reads is none.
opened as (
    select
        placed.*,
        days.reads_from_ns,
        case when mids.at_ns >= days.reads_from_ns then mids.mid_nanos end as opening_mid_nanos
    from placed
    inner join {{ ref('stg_days') }} as days on placed.day = days.day
    asof left join {{ ref('stg_mids') }} as mids
        on placed.instrument_id = mids.instrument_id and placed.from_ns >= mids.at_ns
),

marked as (
    select
        opened.*,
        case when mids.at_ns >= opened.reads_from_ns then mids.mid_nanos end as closing_mid_nanos,
        instruments.multiplier_nanos,
        instruments.quote_asset
    from opened
    asof left join {{ ref('stg_mids') }} as mids
        on opened.instrument_id = mids.instrument_id and opened.to_ns > mids.at_ns
    left join {{ ref('int_instruments') }} as instruments
        on opened.instrument_id = instruments.instrument_id
),

valued as (
    select
        *,
        coalesce(opening_nanos, position_nanos) as held_nanos,
        coalesce(closing_nanos, position_nanos) as left_nanos
    from marked
),

priced as (
    select
        *,
        case
            when held_nanos = 0 then 0
            else {{ notional_attos('opening_mid_nanos', 'held_nanos', 'multiplier_nanos') }}
        end as held_attos,
        case
            when left_nanos = 0 then 0
            else {{ notional_attos('closing_mid_nanos', 'left_nanos', 'multiplier_nanos') }}
        end as left_attos
    from valued
)

select
    day,
    instrument_id,
    {{ moment('from_ns') }} as started_at,
    {{ moment('to_ns') }} as ended_at,
    changed_by,
    parameters,
    sha256(parameters) as parameters_sha256,
    orders,
    orders_filled,
    {{ ratio('orders_filled', 'orders') }} as fill_rate,
    fills,
    quote_asset,
    case when unknown = 0 then {{ decimal_of_attos('volume_attos') }} end as volume,
    case when unknown = 0 then {{ decimal_of_attos('realized_attos') }} end as realized,
    {{ decimal_of_attos('fees_attos') }} as fees,
    case when unknown = 0 then {{ decimal_of_attos('left_attos - held_attos - paid_attos - fees_attos') }} end
        as pnl,
    {{ decimal_of_nanos('held_nanos') }} as position_before,
    {{ decimal_of_nanos('left_nanos') }} as position_after,
    markouts,
    {{ decimal_of_attos('markout_attos') }} as markout_10s,
    {{ ratio('markout_attos * 10000', 'marked_attos') }} as markout_10s_bp
from priced
