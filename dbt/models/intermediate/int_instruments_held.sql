-- Since which day an instrument is one of ours: it was held, filled or told of.
with known as (
    select instrument_id, cast('0001-01-01' as date) as known_since
    from {{ ref('int_ledger_carried') }}
    union all
    select instrument_id, day as known_since from {{ ref('int_positions_replayed') }}
    union all
    select instrument_id, cast(happened_at as date) as known_since
    from {{ ref('stg_positions_told') }}
)

select instrument_id, min(known_since) as known_since
from known
group by instrument_id
