-- The last public trade of each day, for a day whose ticker was not recorded.
with source as (
    select
        instrument_id,
        cast({{ moment('ts_recv') }} as date) as day,
        max_by(px, (ts_recv, seq, trade_id)) as ticks,
        max_by(instrument_rev, (ts_recv, seq, trade_id)) as revision
    from {{ source('tape', 'trades') }}
    group by instrument_id, cast({{ moment('ts_recv') }} as date)
),

renamed as (
    select
        source.instrument_id,
        source.day,
        source.ticks * {{ nanos_of('grids.tick_size') }} as price_nanos
    from source
    inner join {{ ref('stg_instruments') }} as grids
        on source.instrument_id = grids.instrument_id and source.revision = grids.revision
)

select * from renamed
