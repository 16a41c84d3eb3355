{# One count or sum as a share of another, null where that is none. Cast first: of two integers Snowflake keeps six digits. #}
{% macro share(part, whole) -%}
    cast({{ part }} as double) / nullif({{ whole }}, 0)
{%- endmacro %}
