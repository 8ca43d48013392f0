with refused as (
    select
        cast(happened_at as date) as day,
        happened_at,
        session,
        seq,
        instrument_id,
        symbol,
        order_id,
        case event
            when 'OrderRejected' then 'order'
            when 'CancelRefused' then 'cancel'
            when 'AmendRefused' then 'amend'
        end as request,
        code,
        reason,
        retry
    from {{ ref('stg_order_events') }}
    where event in ('OrderRejected', 'CancelRefused', 'AmendRefused')
)

select
    refused.day,
    refused.happened_at as rejected_at,
    refused.session,
    refused.seq,
    refused.instrument_id,
    refused.symbol,
    refused.order_id,
    refused.request,
    refused.code,
    refused.reason,
    refused.retry,
    orders.side,
    orders.execution,
    orders.price,
    orders.qty,
    orders.placed_for
from refused
inner join {{ ref('stg_days') }} as days on refused.day = days.day
left join {{ ref('int_orders_followed') }} as orders
    on refused.order_id = orders.order_id and orders.placed_ns >= days.reads_from_ns
