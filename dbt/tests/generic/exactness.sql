{# Rows of a model are told apart by these columns, which are always there. #}
{% test one_row_each(model, columns) %}
select {{ columns | join(', ') }}, count(*) as times
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1 or {{ columns | join(' is null or ') }} is null
{% endtest %}

{% test never_null(model, columns) %}
select *
from {{ model }}
where {{ columns | join(' is null or ') }} is null
{% endtest %}

{# The models compute in 10**-9: a finer price or size would be cut off. #}
{% test fits_nine_decimals(model, columns) %}
select {{ columns | join(', ') }}
from {{ model }}
where
    {% for column in columns -%}
    cast(cast({{ column }} * 1000000000 as hugeint) as decimal(38, 0)) <> {{ column }} * 1000000000
    {%- if not loop.last %} or {% endif %}
    {% endfor %}
{% endtest %}

{% test always_zero(model, column_name) %}
select *
from {{ model }}
where {{ column_name }} <> 0
{% endtest %}

{% test a_share(model, column_name) %}
select {{ column_name }}
from {{ model }}
where {{ column_name }} < 0 or {{ column_name }} > 1
{% endtest %}
