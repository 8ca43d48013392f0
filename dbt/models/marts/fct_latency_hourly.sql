with answers as (
    select
        cast(happened_at as date) as day,
        date_trunc('hour', happened_at) as hour,
        instrument_id,
        symbol,
        case event
            when 'OrderAccepted' then 'order'
            when 'OrderCancelled' then 'cancel'
            when 'OrderAmended' then 'amend'
        end as request,
        latency_ms
    from {{ ref('stg_order_events') }}
    -- 0 says that nothing was asked: the venue told it by itself.
    where event in ('OrderAccepted', 'OrderCancelled', 'OrderAmended') and latency_ms > 0
),

measured as (
    select
        day,
        hour,
        instrument_id,
        symbol,
        request,
        count(*) as answers,
        cast(sum(latency_ms) as decimal(38, 6)) as total_ms,
        quantile_disc(latency_ms, 0.5) as p50_ms,
        quantile_disc(latency_ms, 0.9) as p90_ms,
        quantile_disc(latency_ms, 0.99) as p99_ms,
        quantile_disc(latency_ms, 0.999) as p999_ms,
        max(latency_ms) as max_ms
    from answers
    group by day, hour, instrument_id, symbol, request
)

select
    measured.day,
    measured.hour,
    measured.instrument_id,
    measured.symbol,
    measured.request,
    measured.answers,
    {{ millis_of('cast(measured.total_ms * 1000000 as hugeint) // measured.answers') }} as mean_ms,
    measured.p50_ms,
    measured.p90_ms,
    measured.p99_ms,
    measured.p999_ms,
    measured.max_ms
from measured
inner join {{ ref('stg_days') }} as days on measured.day = days.day
