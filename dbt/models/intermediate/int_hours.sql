select
    days.day,
    days.starts_ns + hours.number * 3600000000000 as starts_ns,
    days.starts_ns + (hours.number + 1) * 3600000000000 as ends_ns,
    {{ moment('days.starts_ns + hours.number * 3600000000000') }} as hour
from {{ ref('stg_days') }} as days
cross join (select unnest(generate_series(0, 23)) as number) as hours
