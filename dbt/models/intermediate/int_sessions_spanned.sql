-- A session that decides quotes or sends orders is one of the runtime; others share its streams.
select
    days.day,
    hours.session,
    min(hours.first_ns) as first_ns,
    max(hours.last_ns) as last_ns
from {{ ref('stg_session_hours') }} as hours
inner join {{ ref('stg_days') }} as days
    on hours.hour_ns >= days.reads_from_ns and hours.hour_ns < days.reads_to_ns
group by days.day, hours.session
having bool_or(hours.has_trading)
