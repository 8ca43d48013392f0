-- Average cost, exactly as far as whole 10**-18 go: what is closed leaves at the average cost of the
-- whole position. A quotient that is not whole is cut off; the cost of a closed position is 0 again,
-- so nothing adds up, and realized plus unrealized is exact at every moment.
with recursive folded as (
    select
        parts.instrument_id,
        parts.episode,
        parts.step,
        parts.at_ns,
        parts.session,
        parts.seq,
        parts.part,
        parts.held_nanos,
        parts.delta_nanos,
        parts.effect,
        parts.paid_attos,
        -- A carried cost that is not known stays unknown until the position is closed.
        case
            when parts.episode = 0 and before.instrument_id is not null then before.cost_attos
            else 0
        end as before_attos
    from {{ ref('int_moves_split') }} as parts
    left join {{ ref('int_ledger_carried') }} as before
        on parts.instrument_id = before.instrument_id
    where parts.step = 1
    union all
    select
        parts.instrument_id,
        parts.episode,
        parts.step,
        parts.at_ns,
        parts.session,
        parts.seq,
        parts.part,
        parts.held_nanos,
        parts.delta_nanos,
        parts.effect,
        parts.paid_attos,
        {{ cost_after('folded') }} as before_attos
    from folded
    inner join {{ ref('int_moves_split') }} as parts
        on
            folded.instrument_id = parts.instrument_id
            and folded.episode = parts.episode
            and folded.step + 1 = parts.step
)

select
    instrument_id,
    at_ns,
    session,
    seq,
    part,
    {{ cost_after('folded') }} as cost_attos,
    {{ realized_by('folded') }} as realized_attos
from folded
