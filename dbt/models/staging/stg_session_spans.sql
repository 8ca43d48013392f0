-- A session that decides quotes or sends orders is one of the runtime; others share its streams.
with source as (
    select session, ts, module, event
    from {{ source('tape', 'log_lines') }}
    where session <> ''
),

renamed as (
    select
        session,
        min(ts) as first_ns,
        max(ts) as last_ns,
        bool_or(event = 'SessionOpened') as is_opened_here
    from source
    group by session
    having bool_or(module in ('strategy', 'oms'))
)

select * from renamed
