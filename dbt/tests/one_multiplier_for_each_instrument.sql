{{ config(meta={'dagster': {'ref': {'name': 'stg_instruments'}}, 'description': "An instrument's multiplier is the same in all revisions."}) }}

-- Fills do not name the revision of their grid: their money is counted by the one multiplier.
select instrument_id, count(distinct multiplier) as multipliers
from {{ ref('stg_instruments') }}
group by instrument_id
having count(distinct multiplier) > 1
