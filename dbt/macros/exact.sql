{# The one place where integers become prices, sizes and money, and back.

Prices and sizes are computed with as whole numbers of 10**-9, money as whole numbers of 10**-18
(HUGEINT), because a quotient of decimals is a float in DuckDB. What leaves the models is
DECIMAL(38, 18). #}

{# Whole 10**-9 of a price or size; the test `fits_nine_decimals` watches that nothing is cut off. #}
{% macro nanos_of(decimal) %}cast({{ decimal }} * 1000000000 as hugeint){% endmacro %}

{# Whole 10**-18 of an amount of money. #}
{% macro attos_of(decimal) %}(cast(trunc({{ decimal }}) as hugeint) * 1000000000000000000 + cast(({{ decimal }} - trunc({{ decimal }})) * 1000000000000000000 as hugeint)){% endmacro %}

{% macro decimal_of_nanos(units) %}cast(cast({{ units }} as decimal(38, 0)) * cast(0.000000001 as decimal(10, 9)) as decimal(38, 18)){% endmacro %}

{% macro decimal_of_attos(units) %}(cast({{ units }} as decimal(38, 0)) * cast(0.000000000000000001 as decimal(19, 18))){% endmacro %}

{# Price times size times multiplier, all in 10**-9, as money in 10**-18. #}
{% macro notional_attos(price_nanos, size_nanos, multiplier_nanos) %}({{ price_nanos }} * {{ size_nanos }} * {{ multiplier_nanos }} // 1000000000){% endmacro %}

{# `part` over `whole` as a decimal of six places, cut off; both are whole numbers of one unit. #}
{% macro ratio(part, whole) %}cast(cast(({{ part }}) * 1000000 // nullif({{ whole }}, 0) as decimal(38, 0)) * cast(0.000001 as decimal(7, 6)) as decimal(38, 6)){% endmacro %}

{# A moment of UTC, to the microsecond that log lines have. #}
{% macro moment(nanoseconds) %}make_timestamp(({{ nanoseconds }}) // 1000){% endmacro %}

{# A span of nanoseconds as milliseconds, exactly. #}
{% macro millis_of(nanoseconds) %}cast(cast({{ nanoseconds }} as decimal(38, 0)) * cast(0.000001 as decimal(7, 6)) as decimal(18, 6)){% endmacro %}

{# A span of nanoseconds as seconds, exactly. #}
{% macro seconds_of(nanoseconds) %}cast(cast({{ nanoseconds }} as decimal(38, 0)) * cast(0.000000001 as decimal(10, 9)) as decimal(18, 9)){% endmacro %}

{% macro signed(side) %}(case {{ side }} when 'buy' then 1 when 'sell' then -1 end){% endmacro %}
