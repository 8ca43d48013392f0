with observed as (
    select day, instrument_id, from_ns, to_ns
    from {{ ref('int_sessions_observed') }}
    where to_ns > from_ns
),

by_hour as (
    select
        hours.day,
        hours.hour,
        hours.starts_ns,
        observed.instrument_id,
        sum(least(observed.to_ns, hours.ends_ns) - greatest(observed.from_ns, hours.starts_ns))
            as observed_ns
    from observed
    inner join {{ ref('int_hours') }} as hours
        on
            observed.day = hours.day
            and observed.from_ns < hours.ends_ns
            and observed.to_ns > hours.starts_ns
    group by hours.day, hours.hour, hours.starts_ns, observed.instrument_id
),

decided as (
    select
        hours.starts_ns,
        spans.instrument_id,
        sum(least(spans.to_ns, hours.ends_ns) - greatest(spans.from_ns, hours.starts_ns))
            as decided_ns
    from {{ ref('int_quotes_decided') }} as spans
    inner join {{ ref('int_hours') }} as hours
        on
            spans.day = hours.day
            and spans.from_ns < hours.ends_ns
            and spans.to_ns > hours.starts_ns
    group by hours.starts_ns, spans.instrument_id
),

-- Only what lies within what was observed counts as resting.
rested as (
    select
        hours.starts_ns,
        spans.instrument_id,
        sum(
            least(spans.to_ns, hours.ends_ns, observed.to_ns)
            - greatest(spans.from_ns, hours.starts_ns, observed.from_ns)
        ) as rested_ns
    from {{ ref('int_quotes_rested') }} as spans
    inner join {{ ref('int_hours') }} as hours
        on
            spans.day = hours.day
            and spans.from_ns < hours.ends_ns
            and spans.to_ns > hours.starts_ns
    inner join observed
        on
            spans.day = observed.day
            and spans.instrument_id = observed.instrument_id
            and spans.from_ns < observed.to_ns
            and spans.to_ns > observed.from_ns
            and observed.from_ns < hours.ends_ns
            and observed.to_ns > hours.starts_ns
    where
        least(spans.to_ns, hours.ends_ns, observed.to_ns)
        > greatest(spans.from_ns, hours.starts_ns, observed.from_ns)
    group by hours.starts_ns, spans.instrument_id
)

select
    by_hour.day,
    by_hour.hour,
    by_hour.instrument_id,
    {{ seconds_of('by_hour.observed_ns') }} as observed_s,
    {{ seconds_of('coalesce(decided.decided_ns, 0)') }} as decided_s,
    {{ seconds_of('coalesce(rested.rested_ns, 0)') }} as rested_s,
    {{ ratio('coalesce(decided.decided_ns, 0)', 'by_hour.observed_ns') }} as decided_share,
    {{ ratio('coalesce(rested.rested_ns, 0)', 'by_hour.observed_ns') }} as rested_share
from by_hour
left join decided
    on by_hour.starts_ns = decided.starts_ns and by_hour.instrument_id = decided.instrument_id
left join rested
    on by_hour.starts_ns = rested.starts_ns and by_hour.instrument_id = rested.instrument_id
