-- How old a transaction must be, counted to the newest label, before the lack of one says anything:
-- older than 95 % of the delays seen. Those that have a label earlier wait too, for fraud is told
-- sooner than innocence.
select
    newest.newest_at,
    delays.horizon_s
from (
    select max(least(reported_at, received_at)) as newest_at
    from {{ ref('fct_labels') }}
) as newest
cross join (
    select {{ quantile('delay_s', 0.95) }} as horizon_s
    from {{ ref('int_labelled_transactions') }}
) as delays
