{{ config(meta={'dagster': {'ref': {'name': 'int_orders_followed'}}, 'description': "An order's fills sum to what its cancel or expiry told."}) }}

-- An order's fills sum to what its cancel or expiry told; earlier fills of an adopted one are not ours.
select order_id, filled_qty, filled_qty_told
from {{ ref('int_orders_followed') }}
where filled_qty_told is not null and not is_adopted and filled_qty <> filled_qty_told
