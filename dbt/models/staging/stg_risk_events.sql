with source as (
    select ts, module, level, session, seq, event, line
    from {{ source('tape', 'log_lines') }}
    where
        (module = 'risk' and event in (
            'IntentRefused', 'RiskLimitTriggered', 'RiskLimitCleared', 'PanicStopTriggered',
            'PanicStopStepped', 'PanicStopCleared', 'PositionDrifted', 'BalanceDrifted',
            'WatchdogFired', 'LeaseEnded', 'StartGateHeld', 'TradingStatusChanged'
        ))
        or (module = 'strategy' and event in ('StrategyPaused', 'StrategyResumed', 'StrategyRaised'))
),

parsed as (
    select
        ts,
        module,
        level,
        session,
        seq,
        event,
        from_json(line, '{
            "symbol": "VARCHAR", "instrument_id": "VARCHAR", "limit": "VARCHAR",
            "value": "BIGINT", "threshold": "BIGINT", "unit": "VARCHAR", "response": "VARCHAR",
            "reason": "VARCHAR", "side": "VARCHAR", "price": "DECIMAL(38,18)",
            "qty": "DECIMAL(38,18)", "step": "VARCHAR", "user": "VARCHAR", "check": "VARCHAR",
            "exception": "VARCHAR", "status": "VARCHAR"
        }') as told
    from source
),

renamed as (
    select
        ts as at_ns,
        {{ moment('ts') }} as happened_at,
        module,
        level,
        session,
        seq,
        event,
        told.symbol as symbol,
        told.instrument_id as instrument_id,
        told."limit" as risk_limit,
        told."value" as measured,
        told.threshold as threshold,
        told.unit as unit,
        told.response as response,
        coalesce(told.reason, told.step, told."check", told.exception, told.status) as reason,
        told."user" as user_name,
        told.side as side,
        told.price as price,
        told.qty as qty
    from parsed
)

select * from renamed
