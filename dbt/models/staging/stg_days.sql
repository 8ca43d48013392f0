with source as (
    select * from {{ source('tape', 'days') }}
),

renamed as (
    select
        day,
        epoch_ns(cast(day as timestamp)) as starts_ns,
        epoch_ns(cast(day as timestamp)) + 86400000000000 as ends_ns,
        -- What a day may be made of, so that it is the same alone and among others.
        epoch_ns(cast(day as timestamp)) - 3600000000000 as reads_from_ns,
        epoch_ns(cast(day as timestamp)) + 90000000000000 as reads_to_ns,
        hours_sealed,
        hours_partial
    from source
)

select * from renamed
