-- What risk control did: limits reached and cleared, panic stops, withdrawn leases, in their order.
-- events: RiskLimitTriggered, RiskLimitCleared, PanicStopTriggered, PanicStopStepped, PanicStopCleared, WatchdogFired, LeaseEnded, StartGateHeld, TradingStatusChanged
with told as (
    select
        ts,
        session,
        seq,
        level,
        event,
        coalesce(line ->> 'instrument_id', '') as instrument_id,
        coalesce(line ->> 'limit', line ->> 'reason', line ->> 'step', line ->> 'check',
            line ->> 'status', line ->> 'generation', '') as what,
        line ->> 'value' as value,
        line ->> 'threshold' as threshold,
        line ->> 'unit' as unit,
        coalesce(line ->> 'response', '') as response
    from lines
    -- Panic stops stand in the audit stream too.
    where module = 'risk'
)

select
    at_utc(told.ts) as at,
    told.level,
    told.event,
    told.instrument_id,
    told.what,
    told.value,
    told.threshold,
    told.unit,
    told.response,
    -- How long the limit stayed triggered; null where it still is.
    case
        when told.event = 'RiskLimitTriggered'
            then (
                select min(cleared.ts) - told.ts
                from told as cleared
                where
                    cleared.event = 'RiskLimitCleared'
                    and cleared.instrument_id = told.instrument_id
                    and cleared.what = told.what
                    and cleared.ts >= told.ts
            ) / 1e9
    end as lasted_s
from told
order by told.ts asc, told.session asc, told.seq asc
