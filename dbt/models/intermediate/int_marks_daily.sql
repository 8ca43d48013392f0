-- The last mid of each day, else the day's last public trade.
with mids as (
    select
        instrument_id,
        cast({{ moment('at_ns') }} as date) as day,
        max_by(mid_nanos, at_ns) as mark_nanos
    from {{ ref('stg_mids') }}
    group by instrument_id, cast({{ moment('at_ns') }} as date)
)

select
    coalesce(mids.instrument_id, trades.instrument_id) as instrument_id,
    coalesce(mids.day, trades.day) as day,
    coalesce(mids.mark_nanos, trades.price_nanos) as mark_nanos,
    case when mids.mark_nanos is null then 'trade' else 'mid' end as mark_source
from mids
full outer join {{ ref('stg_trade_prices') }} as trades
    on mids.instrument_id = trades.instrument_id and mids.day = trades.day
