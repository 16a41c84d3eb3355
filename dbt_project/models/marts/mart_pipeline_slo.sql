{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='hour_at',
    on_schema_change='fail'
) }}

-- Hours whose transactions or alerts this table does not count yet are counted anew, whole.
with counted as (

    select
        hour_at,
        sum(transaction_count) as transaction_count,
        sum(alert_count) as alert_count,
        max(newest_appended_at) as newest_appended_at
    from (
        select
            date_trunc('hour', appended_at) as hour_at,
            count(*) as transaction_count,
            0 as alert_count,
            max(appended_at) as newest_appended_at
        from {{ ref('fct_transactions') }}
        group by 1
        union all
        select
            date_trunc('hour', transaction_appended_at) as hour_at,
            0 as transaction_count,
            count(*) as alert_count,
            max(transaction_appended_at) as newest_appended_at
        from {{ ref('fct_alerts') }}
        group by 1
    ) as facts
    group by hour_at

),

wanted as (

    select counted.*
    from counted
    {%- if is_incremental() %}
    left join {{ this }} as held on counted.hour_at = held.hour_at
    where
        held.hour_at is null
        or held.transaction_count != counted.transaction_count
        or held.alert_count != counted.alert_count
    {%- endif %}

),

transactions as (

    select
        date_trunc('hour', appended_at) as hour_at,
        date_trunc('second', appended_at) as second_at,
        {{ seconds_between('sent_at', 'appended_at') }} as delay_s
    from {{ ref('fct_transactions') }}
    where date_trunc('hour', appended_at) in (select wanted.hour_at from wanted)

),

rates as (

    select
        hour_at,
        count(*) as active_second_count,
        max(transaction_count) as peak_per_second
    from (
        select
            hour_at,
            second_at,
            count(*) as transaction_count
        from transactions
        group by hour_at, second_at
    ) as seconds
    group by hour_at

),

sending as (

    select
        hour_at,
        count(delay_s) as timed_transaction_count,
        {{ quantile('delay_s', 0.5) }} as append_delay_p50_s,
        {{ quantile('delay_s', 0.95) }} as append_delay_p95_s,
        {{ quantile('delay_s', 0.99) }} as append_delay_p99_s,
        max(delay_s) as append_delay_max_s
    from transactions
    group by hour_at

),

alerting as (

    select
        hour_at,
        count(latency_s) as timed_alert_count,
        {{ quantile('latency_s', 0.5) }} as alert_latency_p50_s,
        {{ quantile('latency_s', 0.95) }} as alert_latency_p95_s,
        {{ quantile('latency_s', 0.99) }} as alert_latency_p99_s,
        max(latency_s) as alert_latency_max_s,
        {{ quantile('detection_s', 0.5) }} as detection_p50_s,
        {{ quantile('detection_s', 0.95) }} as detection_p95_s
    from (
        select
            date_trunc('hour', transaction_appended_at) as hour_at,
            {{ seconds_between('sent_at', 'raised_at') }} as latency_s,
            case
                when sent_at is not null
                    then {{ seconds_between('transaction_appended_at', 'raised_at') }}
            end as detection_s
        from {{ ref('fct_alerts') }}
        where date_trunc('hour', transaction_appended_at) in (select wanted.hour_at from wanted)
    ) as alerts
    group by hour_at

)

select
    wanted.hour_at,
    wanted.newest_appended_at,
    cast(wanted.transaction_count as bigint) as transaction_count,
    cast(coalesce(rates.active_second_count, 0) as bigint) as active_second_count,
    {{ share('wanted.transaction_count', 'rates.active_second_count') }}
        as mean_per_second,
    cast(coalesce(rates.peak_per_second, 0) as bigint) as peak_per_second,
    cast(coalesce(sending.timed_transaction_count, 0) as bigint) as timed_transaction_count,
    cast(sending.append_delay_p50_s as double) as append_delay_p50_s,
    cast(sending.append_delay_p95_s as double) as append_delay_p95_s,
    cast(sending.append_delay_p99_s as double) as append_delay_p99_s,
    cast(sending.append_delay_max_s as double) as append_delay_max_s,
    cast(wanted.alert_count as bigint) as alert_count,
    cast(coalesce(alerting.timed_alert_count, 0) as bigint) as timed_alert_count,
    cast(alerting.alert_latency_p50_s as double) as alert_latency_p50_s,
    cast(alerting.alert_latency_p95_s as double) as alert_latency_p95_s,
    cast(alerting.alert_latency_p99_s as double) as alert_latency_p99_s,
    cast(alerting.alert_latency_max_s as double) as alert_latency_max_s,
    cast(alerting.detection_p50_s as double) as detection_p50_s,
    cast(alerting.detection_p95_s as double) as detection_p95_s
from wanted
left join rates on wanted.hour_at = rates.hour_at
left join sending on wanted.hour_at = sending.hour_at
left join alerting on wanted.hour_at = alerting.hour_at
