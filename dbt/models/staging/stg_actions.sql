with source as (
    select ts, session, seq, event, line
    from {{ source('tape', 'log_lines') }}
    where module = 'audit' and event in (
        'OperatorCommanded', 'ParametersActivated', 'ParametersRefused', 'PanicStopCleared'
    )
),

parsed as (
    select
        ts,
        session,
        seq,
        event,
        from_json(line, '{
            "instrument_id": "VARCHAR", "user": "VARCHAR", "action": "VARCHAR",
            "reason": "VARCHAR", "parameters": "VARCHAR"
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
        told.instrument_id as instrument_id,
        told."user" as user_name,
        told.action as action,
        told.reason as reason,
        told.parameters as parameters
    from parsed
)

select * from renamed
