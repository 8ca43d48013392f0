-- Hours of which a line is archived; of others nothing is known.
with observed as (
    select distinct hour_ns from {{ ref('stg_session_hours') }}
),

grid as (
    select hours.day, hours.hour, hours.starts_ns, hours.ends_ns, held.instrument_id
    from {{ ref('int_hours') }} as hours
    inner join observed on hours.starts_ns = observed.hour_ns
    inner join {{ ref('int_instruments_held') }} as held on hours.day >= held.known_since
),

moves as (
    select
        instrument_id,
        (at_ns // 3600000000000) * 3600000000000 as starts_ns,
        count(*) filter (kind = 'fill') as fills,
        max(after_nanos) as highest_nanos,
        min(after_nanos) as lowest_nanos,
        arg_min(before_nanos, (at_ns, session, seq)) as opening_nanos,
        arg_max(after_nanos, (at_ns, session, seq)) as closing_nanos,
        coalesce(sum(after_nanos - before_nanos) filter (kind = 'fill' and after_nanos > before_nanos), 0)
            as bought_nanos,
        coalesce(sum(before_nanos - after_nanos) filter (kind = 'fill' and after_nanos < before_nanos), 0)
            as sold_nanos
    from {{ ref('int_positions_replayed') }}
    group by instrument_id, (at_ns // 3600000000000) * 3600000000000
),

joined as (
    select
        grid.day,
        grid.hour,
        grid.starts_ns,
        grid.instrument_id,
        moves.fills,
        moves.highest_nanos,
        moves.lowest_nanos,
        moves.closing_nanos,
        moves.bought_nanos,
        moves.sold_nanos,
        before.position_nanos as carried_nanos
    from grid
    left join moves
        on grid.instrument_id = moves.instrument_id and grid.starts_ns = moves.starts_ns
    left join {{ ref('int_ledger_carried') }} as before
        on grid.instrument_id = before.instrument_id
),

held as (
    select
        *,
        coalesce(
            last_value(closing_nanos ignore nulls) over (
                partition by instrument_id
                order by starts_ns
                rows between unbounded preceding and 1 preceding
            ),
            carried_nanos,
            0
        ) as opening_nanos
    from joined
)

select
    day,
    hour,
    instrument_id,
    coalesce(fills, 0) as fills,
    {{ decimal_of_nanos('opening_nanos') }} as opening,
    {{ decimal_of_nanos('coalesce(closing_nanos, opening_nanos)') }} as closing,
    {{ decimal_of_nanos('greatest(opening_nanos, highest_nanos)') }} as highest,
    {{ decimal_of_nanos('least(opening_nanos, lowest_nanos)') }} as lowest,
    {{ decimal_of_nanos('coalesce(bought_nanos, 0)') }} as bought_qty,
    {{ decimal_of_nanos('coalesce(sold_nanos, 0)') }} as sold_qty
from held
