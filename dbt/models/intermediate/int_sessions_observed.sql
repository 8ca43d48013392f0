-- From when to when it is known whether a session quoted an instrument: one that it was set up for,
-- or decided quotes of. Of a session that is older than what the day reads, nothing is known before
-- its first decision.
with quoted as (
    select
        days.day,
        decisions.instrument_id,
        decisions.session,
        min(decisions.at_ns) as first_quoted_ns
    from {{ ref('stg_quote_decisions') }} as decisions
    inner join {{ ref('stg_days') }} as days
        on decisions.at_ns >= days.reads_from_ns and decisions.at_ns < days.reads_to_ns
    group by days.day, decisions.instrument_id, decisions.session
),

opened as (
    select days.day, sessions.session, sessions.settings
    from {{ ref('stg_sessions_opened') }} as sessions
    inner join {{ ref('stg_days') }} as days
        on sessions.at_ns >= days.reads_from_ns and sessions.at_ns < days.reads_to_ns
),

set_up as (
    select opened.day, own.key as instrument_id, opened.session
    from opened
    cross join lateral json_each(opened.settings, '$.strategy.own') as own
),

traded as (
    select day, instrument_id, session from quoted
    union
    select day, instrument_id, session from set_up
)

select
    traded.day,
    traded.instrument_id,
    traded.session,
    case when opened.session is null then quoted.first_quoted_ns else spans.first_ns end as from_ns,
    spans.last_ns as to_ns
from traded
inner join {{ ref('int_sessions_spanned') }} as spans
    on traded.day = spans.day and traded.session = spans.session
left join opened
    on traded.day = opened.day and traded.session = opened.session
left join quoted
    on
        traded.day = quoted.day
        and traded.instrument_id = quoted.instrument_id
        and traded.session = quoted.session
