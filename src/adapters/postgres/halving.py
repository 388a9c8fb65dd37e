"""What was the last row that had been recorded at a time?"""

POSITION_AT = """
    with recursive halving (low, high) as (
        select 0::bigint, coalesce((select max(notification_id) from {log}), 0)
        union all
        select case when earlier then middle else low end, case when earlier then high else middle - 1 end
        from (select low, high, (low + high + 1) / 2 as middle from halving where low < high) as step
        cross join lateral (
            select recorded_at <= %(time)s as earlier from {log} where notification_id = middle
        ) as looked
    )
    select low from halving where low = high
"""
"""The last position recorded at or before `time`; 0 where there is none. Times never go back along positions,
which have no gap, so the range is halved until one is left: an index on times would cost every append."""
