with source as (
    select ts, session, seq, event, line
    from {{ source('tape', 'log_lines') }}
    where module = 'risk' and event in ('InventoryChanged', 'PnlMarked')
),

parsed as (
    select
        ts,
        session,
        seq,
        event,
        from_json(line, '{
            "symbol": "VARCHAR", "instrument_id": "VARCHAR", "position": "DECIMAL(38,18)",
            "pending_buy": "DECIMAL(38,18)", "pending_sell": "DECIMAL(38,18)",
            "realized": "DECIMAL(38,18)", "fees": "DECIMAL(38,18)", "funding": "DECIMAL(38,18)",
            "unrealized": "DECIMAL(38,18)", "equity": "DECIMAL(38,18)", "mark": "DECIMAL(38,18)"
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
        told.position as position,
        told.pending_buy as pending_buy,
        told.pending_sell as pending_sell,
        told.realized as realized,
        told.fees as fees,
        told.funding as funding,
        told.unrealized as unrealized,
        told.equity as equity,
        told.mark as mark
    from parsed
)

select * from renamed
