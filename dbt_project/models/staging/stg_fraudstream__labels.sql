select
    transaction_id,
    label_type,
    {{ lake_column('source') }} as reported_by,
    cast(reported_at as timestamp) as reported_at,
    cast(topic_append_time as timestamp) as received_at,
    topic_partition as label_partition,
    topic_offset as label_offset,
    {{ lake_column('hour') }} as lake_hour,
    problem
from {{ source('labels', 'transactions') }}
