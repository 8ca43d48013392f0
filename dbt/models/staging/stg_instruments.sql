with footers as (
    select day, instrument_id, revision, tick_size, lot_size, multiplier, quote_asset, base_asset
    from {{ source('tape', 'instruments') }}
),

lines as (
    select cast({{ moment('ts') }} as date) as day, from_json(line, '{
        "instrument_id": "VARCHAR", "revision": "BIGINT", "tick_size": "DECIMAL(38,18)",
        "lot_size": "DECIMAL(38,18)", "multiplier": "DECIMAL(38,18)",
        "quote_asset": "VARCHAR", "base_asset": "VARCHAR"
    }') as told
    from {{ source('tape', 'log_lines') }}
    where module = 'marketdata' and event = 'InstrumentRevised'
),

carried as (
    select
        cast('0001-01-01' as date) as day,
        instrument_id,
        revision,
        tick_size,
        lot_size,
        multiplier,
        quote_asset,
        base_asset
    from {{ source('tape', 'instruments_before') }}
),

renamed as (
    select * from footers
    union
    select
        day,
        told.instrument_id,
        told.revision,
        told.tick_size,
        told.lot_size,
        told.multiplier,
        told.quote_asset,
        told.base_asset
    from lines
    union
    select * from carried
)

select
    instrument_id,
    revision,
    tick_size,
    lot_size,
    multiplier,
    quote_asset,
    base_asset,
    min(day) as known_since
from renamed
group by instrument_id, revision, tick_size, lot_size, multiplier, quote_asset, base_asset
