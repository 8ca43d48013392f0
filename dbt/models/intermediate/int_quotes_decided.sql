-- Spans of time in which the strategy wanted quotes on both sides.
with states as (
    select
        days.day,
        decisions.instrument_id,
        decisions.session,
        decisions.bid_levels > 0 and decisions.ask_levels > 0 as is_both,
        decisions.at_ns as from_ns,
        lead(decisions.at_ns) over (
            partition by days.day, decisions.instrument_id, decisions.session
            order by decisions.at_ns, decisions.seq
        ) as to_ns
    from {{ ref('stg_quote_decisions') }} as decisions
    inner join {{ ref('stg_days') }} as days
        on decisions.at_ns >= days.reads_from_ns and decisions.at_ns < days.reads_to_ns
)

select
    states.day,
    states.instrument_id,
    states.from_ns,
    coalesce(states.to_ns, spans.last_ns) as to_ns
from states
inner join {{ ref('int_sessions_spanned') }} as spans
    on states.day = spans.day and states.session = spans.session
where states.is_both and coalesce(states.to_ns, spans.last_ns) > states.from_ns
