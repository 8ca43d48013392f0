with source as (
    select ts, session, seq, line
    from {{ source('tape', 'log_lines') }}
    where module = 'risk' and event = 'FundingPaid'
),

parsed as (
    select
        ts,
        session,
        seq,
        from_json(line, '{"instrument_id": "VARCHAR", "amount": "DECIMAL(38,18)"}') as told
    from source
),

renamed as (
    select
        ts as at_ns,
        {{ moment('ts') }} as happened_at,
        session,
        seq,
        told.instrument_id as instrument_id,
        told.amount as amount
    from parsed
)

select * from renamed
