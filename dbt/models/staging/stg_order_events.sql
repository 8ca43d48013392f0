with source as (
    select ts, session, seq, event, line
    from {{ source('tape', 'log_lines') }}
    where module = 'oms' and event in (
        'PlaceOrder', 'AmendOrder', 'CancelOrder',
        'OrderAccepted', 'OrderRejected', 'OrderFilled', 'OrderAmended', 'OrderCancelled',
        'OrderExpired', 'OrderUnknown', 'CancelRefused', 'AmendRefused', 'OrderAdopted'
    )
),

-- Numbers are read from the line's own text: DuckDB gives DECIMAL here without a float between.
parsed as (
    select
        ts,
        session,
        seq,
        event,
        from_json(line, '{
            "symbol": "VARCHAR", "instrument_id": "VARCHAR", "orderId": "VARCHAR",
            "side": "VARCHAR", "execution": "VARCHAR", "reduce_only": "BOOLEAN",
            "price": "DECIMAL(38,18)", "qty": "DECIMAL(38,18)", "filled": "DECIMAL(38,18)",
            "remaining": "DECIMAL(38,18)", "fee": "DECIMAL(38,18)", "fee_asset": "VARCHAR",
            "maker": "BOOLEAN", "venue_trade": "VARCHAR", "latency_ms": "DECIMAL(18,6)",
            "code": "BIGINT", "reason": "VARCHAR", "retry": "BOOLEAN"
        }') as told
    from source
),

renamed as (
    select
        ts as at_ns,
        {{ moment('ts') }} as happened_at,
        session,
        seq,
        event,
        told.symbol as symbol,
        told.instrument_id as instrument_id,
        told."orderId" as order_id,
        told.side as side,
        told.execution as execution,
        told.reduce_only as reduce_only,
        told.price as price,
        told.qty as qty,
        told.filled as filled_qty,
        told.remaining as remaining_qty,
        told.fee as fee,
        told.fee_asset as fee_asset,
        told.maker as is_maker,
        told.venue_trade as venue_trade,
        told.latency_ms as latency_ms,
        told.code as code,
        told.reason as reason,
        told.retry as retry
    from parsed
)

select * from renamed
