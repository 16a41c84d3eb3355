{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='fail') }}

-- The label table follows the label topic in offset order: new is what lies past the offset held.
with labels as (

    select * from {{ ref('stg_fraudstream__labels') }}

)

{%- if is_incremental() %},

held as (

    select
        label_partition,
        max(label_offset) as newest_offset
    from {{ this }}
    group by label_partition

)
{%- endif %}

select
    labels.transaction_id,
    labels.label_type,
    labels.reported_by,
    labels.reported_at,
    labels.received_at,
    labels.label_partition,
    labels.label_offset,
    labels.lake_hour
from labels
{%- if is_incremental() %}
left join held
    on labels.label_partition = held.label_partition
{%- endif %}
where
    labels.problem is null
    {%- if is_incremental() %}
    and labels.label_offset > coalesce(held.newest_offset, -1)
    {%- endif %}
