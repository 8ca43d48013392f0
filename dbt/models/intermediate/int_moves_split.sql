-- A fill that crosses zero is two: one closes the position, one opens the other side. Between two
-- moments without a position the parts form an episode, whose cost starts at nothing; episodes are
-- therefore folded side by side.
with moves as (
    select
        moves.*,
        moves.after_nanos - moves.before_nanos as delta_nanos,
        moves.kind = 'fill'
        and sign(moves.before_nanos) * sign(moves.after_nanos) < 0 as is_crossing,
        instruments.multiplier_nanos
    from {{ ref('int_positions_replayed') }} as moves
    left join {{ ref('int_instruments') }} as instruments
        on moves.instrument_id = instruments.instrument_id
),

parts as (
    select
        instrument_id,
        at_ns,
        session,
        seq,
        kind,
        1 as part,
        before_nanos as held_nanos,
        case when is_crossing then -before_nanos else delta_nanos end as delta_nanos,
        price_nanos,
        multiplier_nanos
    from moves
    union all
    select
        instrument_id,
        at_ns,
        session,
        seq,
        kind,
        2 as part,
        cast(0 as hugeint) as held_nanos,
        after_nanos as delta_nanos,
        price_nanos,
        multiplier_nanos
    from moves
    where is_crossing
),

numbered as (
    select
        *,
        coalesce(
            count(*) filter (held_nanos + delta_nanos = 0) over (
                partition by instrument_id
                order by at_ns, session, seq, part
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) as episode
    from parts
)

select
    instrument_id,
    episode,
    row_number() over (
        partition by instrument_id, episode order by at_ns, session, seq, part
    ) as step,
    at_ns,
    session,
    seq,
    part,
    held_nanos,
    delta_nanos,
    case
        when kind = 'rebase' then 'rebase'
        when sign(held_nanos) * sign(delta_nanos) < 0 then 'reduce'
        else 'add'
    end as effect,
    -- What was paid: negative where it was received.
    {{ notional_attos('price_nanos', 'delta_nanos', 'multiplier_nanos') }} as paid_attos
from numbered
