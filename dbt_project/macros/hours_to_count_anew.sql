{#
Hours of the lake, of the common table expression `rows_of_facts`, whose rows this table does not
count yet. They are counted anew, whole: late rows belong to the hour that drained them, so an hour
that is complete changes no more.
#}
{% macro hours_to_count_anew(rows_of_facts) -%}
    select counted.lake_hour
    from (
        select
            lake_hour,
            count(*) as row_count
        from {{ rows_of_facts }}
        group by lake_hour
    ) as counted
    left join (
        select
            lake_hour,
            sum(transaction_count) as row_count
        from {{ this }}
        group by lake_hour
    ) as held on counted.lake_hour = held.lake_hour
    where held.row_count is null or held.row_count != counted.row_count
{%- endmacro %}
