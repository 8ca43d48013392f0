with source as (
    select ts, session, seq, line
    from {{ source('tape', 'log_lines') }}
    where module = 'system' and event = 'SessionOpened'
),

parsed as (
    select
        ts,
        session,
        seq,
        from_json(line, '{
            "mode": "VARCHAR", "version": "VARCHAR", "strategy": "VARCHAR",
            "strategy_sha256": "VARCHAR", "settings_sha256": "VARCHAR", "settings": "VARCHAR"
        }') as told
    from source
),

renamed as (
    select
        ts as at_ns,
        {{ moment('ts') }} as happened_at,
        session,
        seq,
        told.mode as mode,
        told.version as version,
        told.strategy as strategy,
        told.strategy_sha256 as strategy_sha256,
        told.settings_sha256 as settings_sha256,
        told.settings as settings
    from parsed
)

select * from renamed
