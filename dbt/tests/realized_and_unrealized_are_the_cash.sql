{{ config(meta={'dagster': {'ref': {'name': 'int_fills_costed'}}, 'description': 'Realized profit is what was received, plus the cost of what is held.'}) }}

-- Whatever was cut off where a cost did not divide evenly moved between realized and unrealized:
-- realized is always what was received in all, plus the cost of what is held now.
with summed as (
    select
        fills.instrument_id,
        sum(fills.realized_attos) as realized_attos,
        sum({{ notional_attos('fills.price_nanos', 'fills.delta_nanos', 'fills.multiplier_nanos') }})
            as paid_attos,
        arg_max(fills.cost_attos, (fills.at_ns, fills.session, fills.seq)) as cost_attos
    from {{ ref('int_fills_costed') }} as fills
    group by fills.instrument_id
)

select summed.*
from summed
left join {{ ref('int_ledger_carried') }} as before
    on summed.instrument_id = before.instrument_id
where summed.realized_attos <> summed.cost_attos - coalesce(before.cost_attos, 0) - summed.paid_attos
