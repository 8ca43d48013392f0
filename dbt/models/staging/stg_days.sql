with source as (
    select * from {{ source('tape', 'days') }}
),

renamed as (
    select
        day,
        epoch_ns(cast(day as timestamp)) as starts_ns,
        epoch_ns(cast(day as timestamp)) + 86400000000000 as ends_ns,
        hours_sealed,
        hours_partial
    from source
)

select * from renamed
