{{ config(meta={'dagster': {'ref': {'name': 'fct_labels'}}}) }}

-- Up to the offset that the fact has reached in each partition of the label topic, it holds exactly
-- the label table's usable rows, of each type as many.
with held as (

    select
        label_partition,
        max(label_offset) as newest_offset
    from {{ ref('fct_labels') }}
    group by label_partition

),

counted as (

    select
        label_partition,
        label_type,
        count(*) as row_count
    from {{ ref('fct_labels') }}
    group by label_partition, label_type

),

expected as (

    select
        lake.label_partition,
        lake.label_type,
        count(*) as row_count
    from {{ ref('stg_fraudstream__labels') }} as lake
    inner join held on lake.label_partition = held.label_partition
    where
        lake.problem is null
        and lake.label_offset <= held.newest_offset
    group by lake.label_partition, lake.label_type

)

select
    coalesce(counted.label_partition, expected.label_partition) as label_partition,
    coalesce(counted.label_type, expected.label_type) as label_type,
    counted.row_count,
    expected.row_count as expected_row_count
from counted
full outer join expected
    on
        counted.label_partition = expected.label_partition
        and counted.label_type = expected.label_type
where counted.row_count is distinct from expected.row_count
