-- Each fill against the mid some seconds later. A mid counts only where the feed was alive: it is no
-- older than `mid_age_max_ns`, and a later one was still recorded.
with horizons as (
    select cast(unnest({{ var("markout_seconds") }}) as bigint) as horizon_s
),

asked as (
    select
        fills.day,
        fills.at_ns,
        fills.session,
        fills.seq,
        fills.instrument_id,
        horizons.horizon_s,
        fills.at_ns + horizons.horizon_s * 1000000000 as asked_ns
    from {{ ref('int_fills_costed') }} as fills
    cross join horizons
    where fills.kind = 'fill'
),

last_seen as (
    select instrument_id, max(at_ns) as seen_ns
    from {{ ref('stg_mids') }}
    group by instrument_id
)

select
    asked.day,
    asked.at_ns,
    asked.session,
    asked.seq,
    asked.instrument_id,
    asked.horizon_s,
    case
        when
            asked.asked_ns - mids.at_ns <= {{ var('mid_age_max_ns') }}
            and last_seen.seen_ns >= asked.asked_ns
            then mids.mid_nanos
    end as mid_nanos
from asked
asof left join {{ ref('stg_mids') }} as mids
    on asked.instrument_id = mids.instrument_id and asked.asked_ns >= mids.at_ns
left join last_seen on asked.instrument_id = last_seen.instrument_id
