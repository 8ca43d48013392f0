-- Whether a stream was written down to INFO on a day: only then is an absent event a fact.
with source as (
    select ts, module, level
    from {{ source('tape', 'log_lines') }}
),

renamed as (
    select
        cast({{ moment('ts') }} as date) as day,
        module,
        bool_or(level = 'INFO' or level = 'DEBUG') as has_info
    from source
    group by cast({{ moment('ts') }} as date), module
)

select * from renamed
