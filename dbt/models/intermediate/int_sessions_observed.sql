-- From when to when it is known whether a session quoted an instrument: one that it was set up for,
-- or decided quotes of. Of a session that is older than what was read, nothing is known before its
-- first decision.
with quoted as (
    select
        instrument_id,
        session,
        min(at_ns) as first_quoted_ns
    from {{ ref('stg_quote_decisions') }}
    group by instrument_id, session
),

set_up as (
    select own.key as instrument_id, sessions.session
    from {{ ref('stg_sessions_opened') }} as sessions
    cross join lateral json_each(sessions.settings, '$.strategy.own') as own
),

traded as (
    select instrument_id, session from quoted
    union
    select instrument_id, session from set_up
)

select
    traded.instrument_id,
    traded.session,
    case when spans.is_opened_here then spans.first_ns else quoted.first_quoted_ns end as from_ns,
    spans.last_ns as to_ns
from traded
inner join {{ ref('stg_session_spans') }} as spans on traded.session = spans.session
left join quoted
    on traded.instrument_id = quoted.instrument_id and traded.session = quoted.session
