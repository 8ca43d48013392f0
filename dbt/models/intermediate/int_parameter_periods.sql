-- Which parameters an instrument's strategy ran with, from when to when. They are told by a change,
-- else by the settings of the session that opened, else they are those of the day before.
with opened as (
    select
        sessions.at_ns,
        sessions.seq,
        sessions.session,
        own.key as instrument_id,
        'settings' as changed_by,
        json_merge_patch(
            sessions.settings -> '$.strategy.parameters', own.value
        ) as parameters
    from {{ ref('stg_sessions_opened') }} as sessions
    cross join lateral json_each(sessions.settings, '$.strategy.own') as own
),

activated as (
    select
        at_ns,
        seq,
        session,
        instrument_id,
        user_name as changed_by,
        cast(parameters as json) as parameters
    from {{ ref('stg_actions') }}
    where event = 'ParametersActivated'
),

carried as (
    select
        days.starts_ns as at_ns,
        -1 as seq,
        '' as session,
        before.instrument_id,
        before.changed_by,
        cast(before.parameters as json) as parameters
    from {{ source('tape', 'parameters_before') }} as before
    cross join (select min(starts_ns) as starts_ns from {{ ref('stg_days') }}) as days
    where days.starts_ns is not null
),

changes as (
    select * from opened
    union all
    select * from activated
    union all
    select * from carried
),

periods as (
    select
        instrument_id,
        changed_by,
        cast(parameters as varchar) as parameters,
        at_ns as from_ns,
        coalesce(
            lead(at_ns) over (partition by instrument_id order by at_ns, session, seq),
            9223372036854775807
        ) as to_ns
    from changes
)

select
    days.day,
    periods.instrument_id,
    periods.changed_by,
    periods.parameters,
    greatest(periods.from_ns, days.starts_ns) as from_ns,
    least(periods.to_ns, days.ends_ns) as to_ns
from periods
inner join {{ ref('stg_days') }} as days
    on periods.from_ns < days.ends_ns and periods.to_ns > days.starts_ns
where least(periods.to_ns, days.ends_ns) > greatest(periods.from_ns, days.starts_ns)
