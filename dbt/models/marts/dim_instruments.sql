select
    days.day,
    grids.instrument_id,
    grids.revision,
    grids.tick_size,
    grids.lot_size,
    grids.multiplier,
    grids.quote_asset,
    grids.base_asset
from {{ ref('stg_instruments') }} as grids
inner join {{ ref('stg_days') }} as days on grids.known_since <= days.day
