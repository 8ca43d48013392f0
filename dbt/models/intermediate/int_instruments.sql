with grids as (
    select * from {{ ref('stg_instruments') }}
),

latest as (
    select
        instrument_id,
        max(revision) as revision,
        max_by(multiplier, revision) as multiplier,
        max_by(quote_asset, revision) as quote_asset,
        max_by(base_asset, revision) as base_asset
    from grids
    group by instrument_id
)

select
    instrument_id,
    revision,
    {{ nanos_of('multiplier') }} as multiplier_nanos,
    quote_asset,
    base_asset
from latest
