select
    days.day,
    events.happened_at as triggered_at,
    events.session,
    events.seq,
    events.module,
    events.level,
    events.event,
    events.instrument_id,
    events.risk_limit,
    events.measured,
    events.threshold,
    events.unit,
    events.response,
    events.reason,
    events.user_name,
    events.side,
    events.price,
    events.qty
from {{ ref('stg_risk_events') }} as events
inner join {{ ref('stg_days') }} as days
    on events.at_ns >= days.starts_ns and events.at_ns < days.ends_ns
