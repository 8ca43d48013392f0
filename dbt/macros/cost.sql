{# The average cost method, one step of it. `held` is the position before, `before` its cost. #}

{# What a reduction takes out of the cost: cost * reduced / held, without an intermediate overflow. #}
{% macro cost_removed(row) -%}
(
    ({{ row }}.before_attos // abs({{ row }}.held_nanos)) * abs({{ row }}.delta_nanos)
    + ({{ row }}.before_attos % abs({{ row }}.held_nanos)) * abs({{ row }}.delta_nanos)
    // abs({{ row }}.held_nanos)
)
{%- endmacro %}

{% macro cost_after(row) -%}
case
    when {{ row }}.held_nanos + {{ row }}.delta_nanos = 0 then 0
    when {{ row }}.effect = 'reduce' then {{ row }}.before_attos - {{ cost_removed(row) }}
    else {{ row }}.before_attos + {{ row }}.paid_attos
end
{%- endmacro %}

{% macro realized_by(row) -%}
case
    when {{ row }}.held_nanos + {{ row }}.delta_nanos = 0
        then -{{ row }}.paid_attos - {{ row }}.before_attos
    when {{ row }}.effect = 'reduce' then -{{ row }}.paid_attos - {{ cost_removed(row) }}
    else 0
end
{%- endmacro %}
