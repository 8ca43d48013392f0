-- Spans of time in which the strategy wanted quotes on both sides.
with states as (
    select
        instrument_id,
        session,
        bid_levels > 0 and ask_levels > 0 as is_both,
        at_ns as from_ns,
        lead(at_ns) over (partition by instrument_id, session order by at_ns, seq) as to_ns
    from {{ ref('stg_quote_decisions') }}
)

select
    states.instrument_id,
    states.from_ns,
    coalesce(states.to_ns, observed.to_ns) as to_ns
from states
inner join {{ ref('int_sessions_observed') }} as observed
    on states.instrument_id = observed.instrument_id and states.session = observed.session
where states.is_both and coalesce(states.to_ns, observed.to_ns) > states.from_ns
