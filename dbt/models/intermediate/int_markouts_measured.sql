-- Each fill against the mid some seconds later. A mid counts only where the feed was alive: it is no
-- older than `mid_age_max_ns`, and the next one came within as much.
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
            and later.at_ns - asked.asked_ns <= {{ var('mid_age_max_ns') }}
            then mids.mid_nanos
    end as mid_nanos
from asked
asof left join {{ ref('stg_mids') }} as mids
    on asked.instrument_id = mids.instrument_id and asked.asked_ns >= mids.at_ns
asof left join {{ ref('stg_mids') }} as later
    on asked.instrument_id = later.instrument_id and asked.asked_ns <= later.at_ns
