with source as (
    select ts, session, seq, line
    from {{ source('tape', 'log_lines') }}
    where module = 'risk' and event = 'PositionDrifted'
),

parsed as (
    select
        ts,
        session,
        seq,
        from_json(line, '{
            "symbol": "VARCHAR", "instrument_id": "VARCHAR", "reason": "VARCHAR",
            "ours": "DECIMAL(38,18)", "venues": "DECIMAL(38,18)"
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
        told.reason as reason,
        told.ours as position_before,
        told.venues as position_after
    from parsed
)

select * from renamed
