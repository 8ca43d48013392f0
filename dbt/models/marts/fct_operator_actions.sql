select
    days.day,
    actions.happened_at as acted_at,
    actions.session,
    actions.seq,
    actions.event,
    actions.action,
    actions.user_name,
    actions.instrument_id,
    actions.reason,
    actions.parameters,
    entries.audit_id
from {{ ref('stg_actions') }} as actions
inner join {{ ref('stg_days') }} as days
    on actions.at_ns >= days.starts_ns and actions.at_ns < days.ends_ns
left join {{ ref('stg_audit_entries') }} as entries
    on actions.session || '/' || actions.seq || '/0' = entries.trace_id
