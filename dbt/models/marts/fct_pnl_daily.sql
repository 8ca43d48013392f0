with moves as (
    select
        day,
        instrument_id,
        count(*) filter (kind = 'fill') as fills,
        count(*) filter (kind = 'rebase') as rebases,
        count(*) filter (kind = 'fill' and fee_attos is null) as fees_unpriced,
        coalesce(sum(delta_nanos) filter (kind = 'fill' and delta_nanos > 0), 0) as bought_nanos,
        coalesce(-sum(delta_nanos) filter (kind = 'fill' and delta_nanos < 0), 0) as sold_nanos,
        -- A sum with an amount that is not known is not known.
        case when count(*) = count(realized_attos) then sum(realized_attos) end as realized_attos,
        case when count(*) = count(notional_attos) then sum(notional_attos) end as volume_attos,
        coalesce(sum(fee_attos), 0) as fees_attos,
        arg_max_null(after_nanos, (at_ns, session, seq)) as position_nanos,
        arg_max_null(cost_attos, (at_ns, session, seq)) as cost_attos,
        true as is_moved
    from {{ ref('int_fills_costed') }}
    group by day, instrument_id
),

funding as (
    select
        instrument_id,
        cast(happened_at as date) as day,
        sum({{ attos_of('amount') }}) as funding_attos
    from {{ ref('stg_funding') }}
    group by instrument_id, cast(happened_at as date)
),

joined as (
    select
        days.day,
        days.hours_sealed,
        days.hours_partial,
        held.instrument_id,
        instruments.quote_asset,
        instruments.multiplier_nanos,
        before.position_nanos as carried_position_nanos,
        before.cost_attos as carried_cost_attos,
        before.unrealized_attos as carried_unrealized_attos,
        before.instrument_id is not null as is_carried,
        case when before.instrument_id is null then 0 else before.realized_attos end
            as carried_realized_attos,
        coalesce(before.fees_attos, 0) as carried_fees_attos,
        moves.is_moved,
        moves.position_nanos,
        moves.cost_attos,
        coalesce(moves.fills, 0) as fills,
        coalesce(moves.rebases, 0) as rebases,
        coalesce(moves.fees_unpriced, 0) as fees_unpriced,
        coalesce(moves.bought_nanos, 0) as bought_nanos,
        coalesce(moves.sold_nanos, 0) as sold_nanos,
        case when moves.is_moved then moves.volume_attos else 0 end as volume_attos,
        case when moves.is_moved then moves.realized_attos else 0 end as realized_attos,
        coalesce(moves.fees_attos, 0) as fees_attos,
        -- Nothing paid is a fact only where the stream tells of what is paid.
        case
            when funding.funding_attos is not null then funding.funding_attos
            when levels.has_info then 0
        end as funding_attos,
        marks.mark_nanos,
        marks.mark_source
    from {{ ref('stg_days') }} as days
    inner join {{ ref('int_instruments_held') }} as held on days.day >= held.known_since
    left join {{ ref('int_instruments') }} as instruments
        on held.instrument_id = instruments.instrument_id
    left join {{ ref('int_ledger_carried') }} as before
        on held.instrument_id = before.instrument_id
    left join moves
        on days.day = moves.day and held.instrument_id = moves.instrument_id
    left join funding
        on days.day = funding.day and held.instrument_id = funding.instrument_id
    left join {{ ref('stg_stream_levels') }} as levels
        on days.day = levels.day and levels.module = 'risk'
    left join {{ ref('int_marks_daily') }} as marks
        on days.day = marks.day and held.instrument_id = marks.instrument_id
),

-- On a day without a move the state of the last one with a move stands.
closed as (
    select
        *,
        last_value(case when is_moved then struct_pack(position := position_nanos, cost := cost_attos) end ignore nulls) over so_far
            as state
    from joined
    window so_far as (
        partition by instrument_id order by day rows unbounded preceding
    )
),

settled as (
    select
        *,
        case when state is null then coalesce(carried_position_nanos, 0) else state.position end
            as closing_nanos,
        case
            when state is not null then state.cost
            when is_carried then carried_cost_attos
            else 0
        end as closing_cost_attos,
        carried_realized_attos + sum(realized_attos) over so_far as realized_total_attos,
        count(*) filter (realized_attos is null) over so_far as realized_unknown,
        carried_fees_attos + sum(fees_attos) over so_far as fees_total_attos
    from closed
    window so_far as (
        partition by instrument_id order by day rows unbounded preceding
    )
),

valued as (
    select
        *,
        case
            when closing_nanos = 0 then 0
            else {{ notional_attos('closing_nanos', 'mark_nanos', 'multiplier_nanos') }} - closing_cost_attos
        end as unrealized_attos
    from settled
),

compared as (
    select
        *,
        case
            when row_number() over by_day > 1 then lag(unrealized_attos) over by_day
            when is_carried then carried_unrealized_attos
            else 0
        end as unrealized_before_attos
    from valued
    window by_day as (partition by instrument_id order by day)
)

select
    day,
    instrument_id,
    quote_asset,
    fills,
    rebases,
    {{ decimal_of_nanos('bought_nanos') }} as bought_qty,
    {{ decimal_of_nanos('sold_nanos') }} as sold_qty,
    {{ decimal_of_attos('volume_attos') }} as volume,
    {{ decimal_of_attos('realized_attos') }} as realized,
    {{ decimal_of_attos('fees_attos') }} as fees,
    fees_unpriced,
    {{ decimal_of_attos('funding_attos') }} as funding,
    {{ decimal_of_nanos('closing_nanos') }} as position,
    {{ decimal_of_attos('closing_cost_attos') }} as position_cost,
    {{ decimal_of_nanos('mark_nanos') }} as mark,
    mark_source,
    {{ decimal_of_attos('unrealized_attos') }} as unrealized,
    {{ decimal_of_attos('realized_attos - fees_attos + unrealized_attos - unrealized_before_attos') }}
        as trading_pnl,
    {{ decimal_of_attos('realized_attos - fees_attos + unrealized_attos - unrealized_before_attos + funding_attos') }}
        as net_pnl,
    case when realized_unknown = 0 then {{ decimal_of_attos('realized_total_attos') }} end
        as realized_total,
    {{ decimal_of_attos('fees_total_attos') }} as fees_total,
    hours_sealed,
    hours_partial
from compared
