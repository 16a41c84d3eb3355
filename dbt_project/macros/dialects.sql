{#
Everything in which DuckDB and Snowflake differ, and nothing else. `default__` is DuckDB's body.
Models take what both speak (max_by, date_trunc, qualify, a case in a sum) and these.
#}

{# A column of the lake whose name DuckDB reserves; Snowflake has all of them in capitals. #}
{% macro lake_column(name) -%}
    {{ return(adapter.dispatch('lake_column', 'fraudstream')(name)) }}
{%- endmacro %}

{% macro default__lake_column(name) -%}
    "{{ name }}"
{%- endmacro %}

{% macro snowflake__lake_column(name) -%}
    "{{ name | upper }}"
{%- endmacro %}

{# Seconds from one time to another, with milliseconds, as double. #}
{% macro seconds_between(earlier, later) -%}
    {{ return(adapter.dispatch('seconds_between', 'fraudstream')(earlier, later)) }}
{%- endmacro %}

{% macro default__seconds_between(earlier, later) -%}
    (date_diff('millisecond', {{ earlier }}, {{ later }}) / 1000.0)
{%- endmacro %}

{% macro snowflake__seconds_between(earlier, later) -%}
    cast(datediff('millisecond', {{ earlier }}, {{ later }}) / 1000.0 as double)
{%- endmacro %}

{# A quantile of a column, between two values where it falls between; nulls are left out. #}
{% macro quantile(column, share) -%}
    {{ return(adapter.dispatch('quantile', 'fraudstream')(column, share)) }}
{%- endmacro %}

{% macro default__quantile(column, share) -%}
    quantile_cont({{ column }}, {{ share }})
{%- endmacro %}

{% macro snowflake__quantile(column, share) -%}
    percentile_cont({{ share }}) within group (order by {{ column }})
{%- endmacro %}

{# Whether any row of the group is true. #}
{% macro any_true(condition) -%}
    {{ return(adapter.dispatch('any_true', 'fraudstream')(condition)) }}
{%- endmacro %}

{% macro default__any_true(condition) -%}
    bool_or({{ condition }})
{%- endmacro %}

{% macro snowflake__any_true(condition) -%}
    boolor_agg({{ condition }})
{%- endmacro %}

{# The first item of a list column, as text; null where the list is empty. #}
{% macro first_item(list) -%}
    {{ return(adapter.dispatch('first_item', 'fraudstream')(list)) }}
{%- endmacro %}

{% macro default__first_item(list) -%}
    {{ list }}[1]
{%- endmacro %}

{% macro snowflake__first_item(list) -%}
    cast({{ list }}[0] as varchar)
{%- endmacro %}

{# A join that gives a row for each item of a list column; `item_of` names its value. #}
{% macro join_items(list, alias) -%}
    {{ return(adapter.dispatch('join_items', 'fraudstream')(list, alias)) }}
{%- endmacro %}

{% macro default__join_items(list, alias) -%}
    cross join unnest({{ list }}) as {{ alias }} (item)
{%- endmacro %}

{% macro snowflake__join_items(list, alias) -%}
    cross join lateral flatten(input => {{ list }}) as {{ alias }}
{%- endmacro %}

{% macro item_of(alias) -%}
    {{ return(adapter.dispatch('item_of', 'fraudstream')(alias)) }}
{%- endmacro %}

{% macro default__item_of(alias) -%}
    {{ alias }}.item
{%- endmacro %}

{% macro snowflake__item_of(alias) -%}
    cast({{ alias }}.value as varchar)
{%- endmacro %}

{# Number of the weekday, Monday 1 to Sunday 7 (ISO 8601). #}
{% macro iso_weekday(day) -%}
    {{ return(adapter.dispatch('iso_weekday', 'fraudstream')(day)) }}
{%- endmacro %}

{% macro default__iso_weekday(day) -%}
    cast(isodow({{ day }}) as integer)
{%- endmacro %}

{% macro snowflake__iso_weekday(day) -%}
    dayofweekiso({{ day }})
{%- endmacro %}

{# Number of the week (ISO 8601). #}
{% macro iso_week(day) -%}
    {{ return(adapter.dispatch('iso_week', 'fraudstream')(day)) }}
{%- endmacro %}

{% macro default__iso_week(day) -%}
    cast(weekofyear({{ day }}) as integer)
{%- endmacro %}

{% macro snowflake__iso_week(day) -%}
    weekiso({{ day }})
{%- endmacro %}
