with source as (
    select ts, session, seq, line
    from {{ source('tape', 'log_lines') }}
    where module = 'strategy' and event = 'QuotesDecided'
),

parsed as (
    select
        ts,
        session,
        seq,
        from_json(line, '{
            "symbol": "VARCHAR", "instrument_id": "VARCHAR", "spread_ticks": "BIGINT",
            "bid_levels": "BIGINT", "ask_levels": "BIGINT", "reason": "VARCHAR"
        }') as told
    from source
),

renamed as (
    select
        ts as at_ns,
        {{ moment('ts') }} as happened_at,
        session,
        seq,
        told.symbol as symbol,
        told.instrument_id as instrument_id,
        told.spread_ticks as spread_ticks,
        told.bid_levels as bid_levels,
        told.ask_levels as ask_levels,
        told.reason as reason
    from parsed
)

select * from renamed
