{{ config(materialized='table') }}

-- Labels do not say which pattern an attack was: a pattern's recall is its share of all fraud.
with told as (

    select
        transaction_id,
        last(label_type order by received_at, label_offset) as newest_type,
        bool_or(label_type in ('fraud_report', 'charge_off')) as is_reported,
        min(reported_at) as reported_at
    from {{ ref('fct_labels') }}
    group by transaction_id

),

verdicts as (

    select
        transaction_id,
        reported_at,
        case
            when newest_type = 'genuine' then 'genuine'
            when is_reported then 'fraud'
            else 'chargeback'
        end as verdict
    from told

),

-- The one look at the large tables: transactions that were labelled or alerted.
facts as (

    select
        transaction_id,
        kafka_partition,
        kafka_offset,
        occurred_at,
        card_token,
        customer_token,
        case when is_approved then billing_amount_minor else 0 end as value_minor
    from {{ ref('fct_transactions') }}
    where
        transaction_id in (
            select transaction_id from verdicts
            union
            select transaction_id from {{ ref('fct_alerts') }}
        )

),

labelled as (

    select
        facts.transaction_id,
        facts.occurred_at,
        facts.card_token,
        facts.customer_token,
        facts.value_minor,
        verdicts.verdict,
        date_diff('millisecond', facts.occurred_at, verdicts.reported_at) / 1000.0 as delay_s,
        coalesce(scores.rules_version, 'unknown') as rules_version
    from facts
    inner join verdicts on facts.transaction_id = verdicts.transaction_id
    left join {{ ref('stg_fraudstream__scores') }} as scores
        on
            facts.kafka_partition = scores.kafka_partition
            and facts.kafka_offset = scores.kafka_offset

),

-- An alert is judged once it is so old that 95 % of labels would have come; those that have a
-- label earlier wait too, for fraud is told sooner than innocence.
settling as (

    select
        (select max(least(reported_at, received_at)) from {{ ref('fct_labels') }}) as newest_at,
        (select quantile_cont(delay_s, 0.95) from labelled) as horizon_s

),

alert_patterns as (

    select
        alerts.transaction_id,
        alerts.occurred_at,
        alerts.card_token,
        alerts.customer_token,
        alerts.rules_version,
        fired.pattern
    from {{ ref('fct_alerts') }} as alerts
    cross join unnest(list_append(alerts.patterns, 'any')) as fired (pattern)

),

alert_totals as (

    select
        alerts.rules_version,
        alerts.pattern,
        count(*) as alert_count,
        count(*) filter (where outcomes.is_settled) as settled_alert_count,
        count(*) filter (where outcomes.is_settled and outcomes.is_fraud) as true_alert_count,
        sum(outcomes.value_minor) as alert_value_minor,
        sum(outcomes.value_minor) filter (where outcomes.is_settled) as settled_alert_value_minor,
        sum(outcomes.value_minor) filter (where outcomes.is_settled and outcomes.is_fraud)
            as true_alert_value_minor
    from alert_patterns as alerts
    left join (
        select
            facts.transaction_id,
            facts.value_minor,
            coalesce(verdicts.verdict in ('fraud', 'chargeback'), false) as is_fraud,
            date_diff('millisecond', facts.occurred_at, settling.newest_at) / 1000.0
            >= settling.horizon_s as is_settled
        from facts
        cross join settling
        left join verdicts on facts.transaction_id = verdicts.transaction_id
    ) as outcomes on alerts.transaction_id = outcomes.transaction_id
    group by alerts.rules_version, alerts.pattern

),

-- Caught: alerted itself, or after an alert on the same card or customer within 24 hours, since an
-- open case raises no second alert and an alert stops the transactions after it.
hits as (

    select
        pairs.transaction_id,
        pairs.pattern,
        bool_or(pairs.is_after) as is_after_alert
    from (
        select
            labelled.transaction_id,
            alerts.pattern,
            alerts.transaction_id != labelled.transaction_id as is_after
        from labelled
        inner join alert_patterns as alerts on labelled.card_token = alerts.card_token
        where
            alerts.occurred_at <= labelled.occurred_at
            and alerts.occurred_at >= labelled.occurred_at - interval '24 hours'
        union all
        select
            labelled.transaction_id,
            alerts.pattern,
            alerts.transaction_id != labelled.transaction_id as is_after
        from labelled
        inner join alert_patterns as alerts on labelled.customer_token = alerts.customer_token
        where
            alerts.occurred_at <= labelled.occurred_at
            and alerts.occurred_at >= labelled.occurred_at - interval '24 hours'
    ) as pairs
    group by pairs.transaction_id, pairs.pattern

),

judged as (

    select
        labelled.transaction_id,
        labelled.rules_version,
        labelled.value_minor,
        labelled.delay_s,
        labelled.verdict = 'genuine' as is_genuine,
        labelled.verdict = 'chargeback' and hits.transaction_id is null as is_friendly,
        labelled.verdict = 'fraud'
        or (labelled.verdict = 'chargeback' and hits.transaction_id is not null) as is_fraud
    from labelled
    left join hits
        on labelled.transaction_id = hits.transaction_id and hits.pattern = 'any'

),

version_totals as (

    select
        rules_version,
        count(*) filter (where is_fraud) as fraud_count,
        coalesce(sum(value_minor) filter (where is_fraud), 0) as fraud_value_minor,
        count(*) filter (where is_friendly) as friendly_fraud_count,
        coalesce(sum(value_minor) filter (where is_friendly), 0) as friendly_fraud_value_minor,
        count(*) filter (where is_genuine) as genuine_count,
        quantile_cont(delay_s, 0.5) filter (where is_fraud) as label_delay_p50_s,
        quantile_cont(delay_s, 0.9) filter (where is_fraud) as label_delay_p90_s
    from judged
    group by rules_version

),

caught_totals as (

    select
        judged.rules_version,
        hits.pattern,
        count(*) as caught_count,
        sum(judged.value_minor) as caught_value_minor,
        coalesce(sum(judged.value_minor) filter (where hits.is_after_alert), 0)
            as after_alert_value_minor
    from judged
    inner join hits on judged.transaction_id = hits.transaction_id
    where judged.is_fraud
    group by judged.rules_version, hits.pattern

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
    true_alert_count / nullif(settled_alert_count, 0) as precision_by_transaction,
    true_alert_value_minor / nullif(settled_alert_value_minor, 0) as precision_by_value,
    fraud_count,
    fraud_value_minor,
    caught_count,
    caught_value_minor,
    after_alert_value_minor,
    caught_count / nullif(fraud_count, 0) as recall_by_transaction,
    caught_value_minor / nullif(fraud_value_minor, 0) as recall_by_value,
    caught_count / nullif(fraud_count + friendly_fraud_count, 0) as lowest_recall_by_transaction,
    after_alert_value_minor / nullif(fraud_value_minor, 0) as after_alert_share_of_value,
    friendly_fraud_count,
    friendly_fraud_value_minor,
    genuine_count,
    label_delay_p50_s,
    label_delay_p90_s
from figures
