{{ config(materialized='table') }}

-- Every day from the first transaction's to the last one's, without holes.
with recursive days as (

    select
        cast(min(occurred_at) as date) as date_day,
        cast(max(occurred_at) as date) as last_day
    from {{ ref('fct_transactions') }}
    having count(*) > 0
    union all
    select
        cast(date_day + 1 as date) as date_day,
        last_day
    from days
    where date_day < last_day

)

select
    date_day,
    cast(extract(year from date_day) as integer) as year_number,
    cast(extract(quarter from date_day) as integer) as quarter_of_year,
    cast(extract(month from date_day) as integer) as month_of_year,
    cast(extract(day from date_day) as integer) as day_of_month,
    {{ iso_week('date_day') }} as iso_week,
    {{ iso_weekday('date_day') }} as iso_weekday,
    {{ iso_weekday('date_day') }} >= 6 as is_weekend,
    cast(date_trunc('month', date_day) as date) as month_start_on
from days
