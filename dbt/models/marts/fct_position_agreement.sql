-- Ours and the runtime's in one stream: at each word of the runtime's our last move counts.
with moves as (
    select
        instrument_id,
        at_ns,
        session,
        seq,
        after_nanos as ours_nanos,
        cast(null as hugeint) as theirs_nanos,
        cast(null as varchar) as told_by,
        cast(null as varchar) as symbol
    from {{ ref('int_positions_replayed') }}
),

told as (
    select
        told.instrument_id,
        told.at_ns,
        told.session,
        told.seq,
        cast(null as hugeint) as ours_nanos,
        {{ nanos_of('told.position') }} as theirs_nanos,
        told.event as told_by,
        told.symbol
    from {{ ref('stg_positions_told') }} as told
    inner join {{ ref('stg_days') }} as days
        on told.at_ns >= days.starts_ns and told.at_ns < days.ends_ns
),

together as (
    select * from moves
    union all
    select * from told
),

followed as (
    select
        *,
        last_value(ours_nanos ignore nulls) over (
            partition by instrument_id
            order by at_ns, session, seq
            rows unbounded preceding
        ) as last_ours_nanos
    from together
),

compared as (
    select
        followed.*,
        coalesce(followed.last_ours_nanos, before.position_nanos, 0) as position_nanos
    from followed
    left join {{ ref('int_ledger_carried') }} as before
        on followed.instrument_id = before.instrument_id
    where followed.told_by is not null
)

select
    cast({{ moment('at_ns') }} as date) as day,
    {{ moment('at_ns') }} as told_at,
    session,
    seq,
    instrument_id,
    symbol,
    told_by,
    {{ decimal_of_nanos('position_nanos') }} as position_from_fills,
    {{ decimal_of_nanos('theirs_nanos') }} as position_told,
    {{ decimal_of_nanos('theirs_nanos - position_nanos') }} as difference
from compared
