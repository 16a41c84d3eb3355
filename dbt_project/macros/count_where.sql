{# How many rows meet a condition, 0 where none does. DuckDB's count_if is null where all are null. #}
{% macro count_where(condition) -%}
    count(case when {{ condition }} then 1 end)
{%- endmacro %}
