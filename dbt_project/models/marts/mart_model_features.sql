{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['kafka_partition', 'kafka_offset'],
    on_schema_change='fail',
    tags=['slow']
) }}

-- A transaction comes here once its outcome is known: a label says it, or it is so old that one
-- would have come. Features stand as the step computed them when it scored; only the outcome is
-- from later. A label that comes after that replaces the row.
with settling as (

    select * from {{ ref('int_label_settling') }}

),

outcomes as (

    select
        transactions.kafka_partition,
        transactions.kafka_offset,
        transactions.message_type,
        transactions.channel,
        transactions.transaction_type,
        transactions.initiator,
        transactions.billing_amount_minor,
        transactions.product,
        transactions.mcc,
        transactions.merchant_country,
        transactions.entry_mode,
        transactions.is_card_present,
        transactions.outcome,
        verdicts.reported_at,
        coalesce(verdicts.verdict, 'presumed_genuine') as verdict
    from {{ ref('fct_transactions') }} as transactions
    cross join settling
    left join {{ ref('int_transaction_verdicts') }} as verdicts
        on
            transactions.kafka_partition = verdicts.kafka_partition
            and transactions.kafka_offset = verdicts.kafka_offset
    where
        verdicts.verdict is not null
        or {{ seconds_between('transactions.occurred_at', 'settling.newest_at') }}
        >= settling.horizon_s

),

fresh as (

    select outcomes.*
    from outcomes
    {%- if is_incremental() %}
    left join {{ this }} as held
        on
            outcomes.kafka_partition = held.kafka_partition
            and outcomes.kafka_offset = held.kafka_offset
    where
        held.verdict is null
        or held.verdict != outcomes.verdict
    {%- endif %}

)

select
    features.transaction_id,
    features.kafka_partition,
    features.kafka_offset,
    features.occurred_at,
    features.appended_at,
    features.lake_hour,
    features.customer_token,
    features.card_token,
    features.merchant_id,
    fresh.verdict = 'fraud' as is_fraud,
    fresh.verdict,
    fresh.reported_at,
    features.score,
    features.rules_version,
    features.catalogue_version,
    fresh.message_type,
    fresh.channel,
    fresh.transaction_type,
    fresh.initiator,
    fresh.billing_amount_minor,
    fresh.product,
    fresh.mcc,
    fresh.merchant_country,
    fresh.entry_mode,
    fresh.is_card_present,
    fresh.outcome,
    -- features: written from the catalogue
    features.card_n_1m,
    features.card_n_10m,
    features.card_n_1h,
    features.card_purchases_40m,
    features.card_sum_10m,
    features.card_sum_1h,
    features.card_declines_10m,
    features.card_declines_1h,
    features.card_hard_10m,
    features.card_hard_1h,
    features.card_small_approved_10m,
    features.card_verify_10m,
    features.card_probes_10m,
    features.card_probe_merchants_10m,
    features.card_merchants_1h,
    features.card_amounts_1h,
    features.card_max_approved_1h,
    features.card_min_funds_declined_1h,
    features.card_funds_declined_1h,
    features.card_rising_run_10m,
    features.card_rising_run_1h,
    features.card_n_24h,
    features.card_declines_24h,
    features.card_hard_24h,
    features.card_small_approved_24h,
    features.card_sum_24h,
    features.card_max_approved_24h,
    features.card_n_7d,
    features.card_n_30d,
    features.card_sum_7d,
    features.card_sum_30d,
    features.card_cash_n_7d,
    features.card_returned_payments_30d,
    features.customer_n_1m,
    features.customer_n_10m,
    features.customer_n_1h,
    features.customer_purchases_40m,
    features.customer_sum_10m,
    features.customer_sum_1h,
    features.customer_declines_10m,
    features.customer_declines_1h,
    features.customer_hard_10m,
    features.customer_hard_1h,
    features.customer_small_approved_10m,
    features.customer_verify_10m,
    features.customer_probes_10m,
    features.customer_probe_merchants_10m,
    features.customer_merchants_1h,
    features.customer_amounts_1h,
    features.customer_max_approved_1h,
    features.customer_min_funds_declined_1h,
    features.customer_funds_declined_1h,
    features.customer_rising_run_10m,
    features.customer_rising_run_1h,
    features.customer_cards_1h,
    features.customer_n_24h,
    features.customer_declines_24h,
    features.customer_hard_24h,
    features.customer_small_approved_24h,
    features.customer_sum_24h,
    features.customer_max_approved_24h,
    features.customer_n_7d,
    features.customer_n_30d,
    features.customer_sum_7d,
    features.customer_sum_30d,
    features.customer_merchants_24h,
    features.customer_merchants_30d,
    features.customer_countries_24h,
    features.customer_devices_30d,
    features.customer_ips_24h,
    features.customer_new_merchants_1h,
    features.device_cards_10m,
    features.device_cards_24h,
    features.device_declined_cards_24h,
    features.ipnet_cards_10m,
    features.ipnet_cards_24h,
    features.ipnet_declined_cards_24h,
    features.merchant_cards_10m,
    features.bin_merchant_cards_10m,
    features.card_since_last_s,
    features.card_since_decline_s,
    features.card_last_decline_minor,
    features.card_expected_per_hour,
    features.card_velocity_tail_10m,
    features.card_velocity_tail_1h,
    features.card_z_log_amount,
    features.card_ratio_to_max,
    features.card_bracket_ratio_1h,
    features.card_decline_share_24h,
    features.card_median_gap_s,
    features.card_gap_ratio,
    features.card_ratio_to_max_30d,
    features.card_utilisation,
    features.card_utilisation_change_7d,
    features.card_utilisation_change_30d,
    features.card_spend_7d_over_90d,
    features.card_cash_share_30d,
    features.card_page_hinkley,
    features.customer_since_last_s,
    features.customer_since_decline_s,
    features.customer_last_decline_minor,
    features.customer_expected_per_hour,
    features.customer_velocity_tail_10m,
    features.customer_velocity_tail_1h,
    features.customer_z_log_amount,
    features.customer_ratio_to_max,
    features.customer_bracket_ratio_1h,
    features.customer_decline_share_24h,
    features.customer_median_gap_s,
    features.customer_gap_ratio,
    features.customer_ratio_to_max_30d,
    features.customer_new_merchant,
    features.customer_new_mcc,
    features.customer_new_country,
    features.customer_new_device,
    features.customer_new_ip_net,
    features.customer_new_channel,
    features.customer_new_things_24h,
    features.customer_own_hour_deviation,
    features.customer_from_home_km,
    features.instrument_distance_km,
    features.instrument_net_distance_km,
    features.instrument_speed_kmh,
    features.instrument_since_present_h,
    features.event_round_amount,
    features.event_below_limit_share,
    features.event_ip_abroad,
    features.event_account_age_d,
    features.event_since_contact_h,
    features.event_since_credential_h,
    features.event_since_wallet_h,
    features.event_resale_mcc,
    features.event_cash_like,
    features.merchant_decline_share_10m,
    features.merchant_small_share_10m,
    features.bin_merchant_invalid_share_10m
    -- end of features
from {{ ref('stg_fraudstream__features') }} as features
inner join fresh
    on
        features.kafka_partition = fresh.kafka_partition
        and features.kafka_offset = fresh.kafka_offset
