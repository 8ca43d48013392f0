-- Answers of the venue that took ten times the median of their hour, the slowest first.
-- events: OrderAccepted, OrderAmended, OrderCancelled
with answered as (
    select
        ts,
        event,
        instrument_id,
        order_id,
        trace_id,
        cast(line ->> 'latency_ms' as decimal(18, 6)) as latency_ms,
        ts // 3600000000000 as hour
    from lines
    where line ->> 'latency_ms' is not null
),

usual as (
    select
        hour,
        instrument_id,
        event,
        count(*) as answers,
        quantile_disc(latency_ms, 0.5) as median_ms,
        quantile_disc(latency_ms, 0.99) as p99_ms
    from answered
    group by hour, instrument_id, event
)

select
    at_utc(answered.ts) as at,
    answered.instrument_id,
    answered.event,
    answered.order_id,
    answered.latency_ms,
    usual.median_ms,
    usual.p99_ms,
    usual.answers as answers_in_hour,
    answered.trace_id
from answered
inner join usual
    on
        answered.hour = usual.hour
        and answered.instrument_id = usual.instrument_id
        and answered.event = usual.event
where
    -- Below twenty answers a median says little.
    usual.answers >= 20
    and answered.latency_ms > 10 * usual.median_ms
order by answered.latency_ms desc, answered.ts asc, answered.order_id asc
