{# Rows of a model are told apart by these columns. #}
{% test one_row_each(model, columns) %}
select {{ columns | join(', ') }}, count(*) as times
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}

{# The models compute in 10**-9: a finer price or size would be cut off. #}
{% test fits_nine_decimals(model, column_name) %}
select {{ column_name }}
from {{ model }}
where cast(cast({{ column_name }} * 1000000000 as hugeint) as decimal(38, 0)) <> {{ column_name }} * 1000000000
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
