-- From when to when it is known whether a session quoted an instrument. Of a session that is older
-- than what was read, nothing is known before its first decision.
with quoted as (
    select
        instrument_id,
        any_value(symbol) as symbol,
        session,
        min(at_ns) as first_quoted_ns
    from {{ ref('stg_quote_decisions') }}
    group by instrument_id, session
)

select
    quoted.instrument_id,
    quoted.symbol,
    quoted.session,
    case when spans.is_opened_here then spans.first_ns else quoted.first_quoted_ns end as from_ns,
    spans.last_ns as to_ns
from quoted
inner join {{ ref('stg_session_spans') }} as spans on quoted.session = spans.session
