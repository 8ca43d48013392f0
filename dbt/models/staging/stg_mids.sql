with source as (
    select instrument_id, instrument_rev, ts_recv, seq, bid_px, ask_px
    from {{ source('tape', 'ticker') }}
    where bid_px > 0 and ask_px > 0
),

-- Of rows of one moment the last counts, by the journal's number.
latest as (
    select
        instrument_id,
        ts_recv,
        arg_max(bid_px + ask_px, seq) as twice_mid_ticks,
        arg_max(instrument_rev, seq) as revision
    from source
    group by instrument_id, ts_recv
),

renamed as (
    select
        latest.instrument_id,
        latest.ts_recv as at_ns,
        latest.twice_mid_ticks * {{ nanos_of('grids.tick_size') }} // 2 as mid_nanos
    from latest
    inner join {{ ref('stg_instruments') }} as grids
        on latest.instrument_id = grids.instrument_id and latest.revision = grids.revision
)

select * from renamed
