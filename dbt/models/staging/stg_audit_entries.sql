with source as (
    select * from {{ source('tape', 'audit_log') }}
),

renamed as (
    select
        id as audit_id,
        cast(ts as timestamp) as happened_at,
        "user" as user_name,
        role,
        action,
        target,
        trace_id,
        event_type,
        service_name
    from source
)

select * from renamed
