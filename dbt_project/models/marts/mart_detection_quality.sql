{{ config(materialized='table') }}

-- Labels do not say which pattern an attack was: a pattern's recall is its share of all fraud.
with verdicts as (

    select * from {{ ref('int_transaction_verdicts') }}

),

alert_patterns as (

    select * from {{ ref('int_alert_patterns') }}

),

caught as (

    select * from {{ ref('int_caught_transactions') }}

),

alerted as (

    select
        transaction_id,
        occurred_at,
        case when is_approved then billing_amount_minor else 0 end as value_minor
    from {{ ref('fct_transactions') }}
    where transaction_id in (select alert_patterns.transaction_id from alert_patterns)

),

alert_outcomes as (

    select
        alerted.transaction_id,
        alerted.value_minor,
        coalesce(verdicts.told in ('fraud', 'chargeback'), false) as is_fraud,
        {{ seconds_between('alerted.occurred_at', 'settling.newest_at') }}
        >= settling.horizon_s as is_settled
    from alerted
    cross join {{ ref('int_label_settling') }} as settling
    left join verdicts on alerted.transaction_id = verdicts.transaction_id

),

alert_totals as (

    select
        alerts.rules_version,
        alerts.pattern,
        count(*) as alert_count,
        {{ count_where('outcomes.is_settled') }} as settled_alert_count,
        {{ count_where('outcomes.is_settled and outcomes.is_fraud') }} as true_alert_count,
        sum(outcomes.value_minor) as alert_value_minor,
        sum(case when outcomes.is_settled then outcomes.value_minor end)
            as settled_alert_value_minor,
        sum(case when outcomes.is_settled and outcomes.is_fraud then outcomes.value_minor end)
            as true_alert_value_minor
    from alert_patterns as alerts
    left join alert_outcomes as outcomes on alerts.transaction_id = outcomes.transaction_id
    group by alerts.rules_version, alerts.pattern

),

version_totals as (

    select
        rules_version,
        {{ count_where("verdict = 'fraud'") }} as fraud_count,
        sum(case when verdict = 'fraud' then value_minor else 0 end) as fraud_value_minor,
        {{ count_where("verdict = 'friendly_fraud'") }} as friendly_fraud_count,
        sum(case when verdict = 'friendly_fraud' then value_minor else 0 end)
            as friendly_fraud_value_minor,
        {{ count_where("verdict = 'genuine'") }} as genuine_count,
        {{ quantile("case when verdict = 'fraud' then delay_s end", 0.5) }} as label_delay_p50_s,
        {{ quantile("case when verdict = 'fraud' then delay_s end", 0.9) }} as label_delay_p90_s
    from verdicts
    group by rules_version

),

caught_totals as (

    select
        verdicts.rules_version,
        caught.pattern,
        count(*) as caught_count,
        sum(verdicts.value_minor) as caught_value_minor,
        sum(case when caught.is_after_alert then verdicts.value_minor else 0 end)
            as after_alert_value_minor
    from verdicts
    inner join caught on verdicts.transaction_id = caught.transaction_id
    where verdicts.verdict = 'fraud'
    group by verdicts.rules_version, caught.pattern

),

rows_wanted as (

    select rules_version, pattern from alert_totals
    union
    select rules_version, pattern from caught_totals
    union
    select rules_version, 'any' as pattern from version_totals

),

figures as (

    select
        wanted.rules_version,
        wanted.pattern,
        cast(coalesce(alerts.alert_count, 0) as bigint) as alert_count,
        cast(coalesce(alerts.alert_value_minor, 0) as bigint) as alert_value_minor,
        cast(coalesce(alerts.settled_alert_count, 0) as bigint) as settled_alert_count,
        cast(coalesce(alerts.settled_alert_value_minor, 0) as bigint) as settled_alert_value_minor,
        cast(coalesce(alerts.true_alert_count, 0) as bigint) as true_alert_count,
        cast(coalesce(alerts.true_alert_value_minor, 0) as bigint) as true_alert_value_minor,
        cast(coalesce(versions.fraud_count, 0) as bigint) as fraud_count,
        cast(coalesce(versions.fraud_value_minor, 0) as bigint) as fraud_value_minor,
        cast(coalesce(caught.caught_count, 0) as bigint) as caught_count,
        cast(coalesce(caught.caught_value_minor, 0) as bigint) as caught_value_minor,
        cast(coalesce(caught.after_alert_value_minor, 0) as bigint) as after_alert_value_minor,
        cast(coalesce(versions.friendly_fraud_count, 0) as bigint) as friendly_fraud_count,
        cast(coalesce(versions.friendly_fraud_value_minor, 0) as bigint)
            as friendly_fraud_value_minor,
        cast(coalesce(versions.genuine_count, 0) as bigint) as genuine_count,
        versions.label_delay_p50_s,
        versions.label_delay_p90_s
    from rows_wanted as wanted
    left join alert_totals as alerts
        on wanted.rules_version = alerts.rules_version and wanted.pattern = alerts.pattern
    left join caught_totals as caught
        on wanted.rules_version = caught.rules_version and wanted.pattern = caught.pattern
    left join version_totals as versions on wanted.rules_version = versions.rules_version

)

select
    rules_version,
    pattern,
    alert_count,
    alert_value_minor,
    settled_alert_count,
    settled_alert_value_minor,
    true_alert_count,
    true_alert_value_minor,
    {{ share('true_alert_count', 'settled_alert_count') }} as precision_by_transaction,
    {{ share('true_alert_value_minor', 'settled_alert_value_minor') }}
        as precision_by_value,
    fraud_count,
    fraud_value_minor,
    caught_count,
    caught_value_minor,
    after_alert_value_minor,
    {{ share('caught_count', 'fraud_count') }} as recall_by_transaction,
    {{ share('caught_value_minor', 'fraud_value_minor') }} as recall_by_value,
    {{ share('caught_count', 'fraud_count + friendly_fraud_count') }}
        as lowest_recall_by_transaction,
    {{ share('after_alert_value_minor', 'fraud_value_minor') }}
        as after_alert_share_of_value,
    friendly_fraud_count,
    friendly_fraud_value_minor,
    genuine_count,
    cast(label_delay_p50_s as double) as label_delay_p50_s,
    cast(label_delay_p90_s as double) as label_delay_p90_s
from figures
