-- What the last day before the run's left behind, in the whole numbers that are computed with.
select
    instrument_id,
    {{ nanos_of('position') }} as position_nanos,
    {{ attos_of('position_cost') }} as cost_attos,
    {{ attos_of('unrealized') }} as unrealized_attos,
    {{ attos_of('realized_total') }} as realized_attos,
    {{ attos_of('fees_total') }} as fees_attos
from {{ source('tape', 'ledger_before') }}
