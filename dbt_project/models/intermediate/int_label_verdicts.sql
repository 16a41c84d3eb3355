-- What all labels of a transaction say together: the newest `genuine` withdraws what was said
-- before it, else a report or a charge-off is fraud, else there are only chargebacks.
with ranked as (

    select
        transaction_id,
        label_type,
        reported_at,
        received_at,
        row_number() over (
            partition by transaction_id
            order by received_at desc, label_offset desc
        ) as newest_first
    from {{ ref('fct_labels') }}

),

told as (

    select
        transaction_id,
        max(case when newest_first = 1 then label_type end) as newest_type,
        {{ count_where("label_type in ('fraud_report', 'charge_off')") }} > 0 as is_reported,
        min(reported_at) as reported_at,
        max(received_at) as newest_received_at
    from ranked
    group by transaction_id

)

select
    transaction_id,
    reported_at,
    newest_received_at,
    case
        when newest_type = 'genuine' then 'genuine'
        when is_reported then 'fraud'
        else 'chargeback'
    end as told
from told
