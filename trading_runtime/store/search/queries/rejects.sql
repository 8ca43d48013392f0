-- Who said no, minute by minute: the venue to orders, cancels and amendments, and our own risk gate.
-- events: OrderRejected, CancelRefused, AmendRefused, IntentRefused, ThrottleReached, RateLimited
select
    at_utc(min(ts) // 60000000000 * 60000000000) as minute,
    event,
    coalesce(line ->> 'instrument_id', '') as instrument_id,
    coalesce(line ->> 'code', line ->> 'limit', line ->> 'throttle', line ->> 'barred', '') as code,
    coalesce(line ->> 'reason', '') as reason,
    count(*) as lines,
    count(distinct nullif(order_id, '')) as orders,
    at_utc(min(ts)) as first,
    at_utc(max(ts)) as last
from lines
group by
    ts // 60000000000,
    event,
    line ->> 'instrument_id',
    coalesce(line ->> 'code', line ->> 'limit', line ->> 'throttle', line ->> 'barred', ''),
    line ->> 'reason'
order by minute asc, lines desc, event asc, instrument_id asc, code asc, reason asc
