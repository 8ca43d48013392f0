with source as (
    select session, ts, module
    from {{ source('tape', 'log_lines') }}
    where session <> ''
),

renamed as (
    select
        session,
        (ts // 3600000000000) * 3600000000000 as hour_ns,
        min(ts) as first_ns,
        max(ts) as last_ns,
        bool_or(module in ('strategy', 'oms')) as has_trading
    from source
    group by session, (ts // 3600000000000) * 3600000000000
)

select * from renamed
