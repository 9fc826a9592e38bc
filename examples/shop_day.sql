-- A shop's day in calls of df.start, as a script for pg_durable has them. After its set-up, compile it and run the output with psql:
--
--   psql -v ON_ERROR_STOP=1 -f shop_day.setup.sql
--   pgdurc compile shop_day.sql | psql -v ON_ERROR_STOP=1

-- Approvals: one workflow an order. Somebody decides, or the customer withdraws, or the time is up, whichever is first.
-- To decide: SELECT df.signal(workflow, 'decision', '{"ok": true, "by": "ann"}') FROM shop_orders WHERE id = 1;
UPDATE shop_orders AS o
SET state = 'waiting',
    workflow = df.start(
        df.race(
            df.wait_for_signal('decision', o.patience) |=> 'decision'
         ~> df.if('SELECT $decision.timed_out',
                df.sql(format('UPDATE shop_orders SET state = %L WHERE id = %s', 'expired', o.id)),
                df.if('SELECT ($decision.data ->> ''ok'')::boolean',
                    df.sql(format('UPDATE shop_orders SET state = %L, decided_by = $decision.data ->> ''by'' WHERE id = %s',
                                  'approved', o.id)),
                    df.sql(format('UPDATE shop_orders SET state = %L, decided_by = $decision.data ->> ''by'' WHERE id = %s',
                                  'refused', o.id)))),
            df.wait_for_signal('withdrawn')
         ~> df.sql(format('UPDATE shop_orders SET state = %L WHERE id = %s', 'withdrawn', o.id))
        ),
        'approval of order ' || o.id)
WHERE o.total > 1000 AND o.state = 'new';

-- Fan-out: the regions are summed up side by side, and put together when all three are there.
SELECT df.start(
    (   ('SELECT sum(amount) AS total FROM region_sales WHERE region = ''north''' |=> 'north')
      & ('SELECT sum(amount) AS total FROM region_sales WHERE region = ''south''' |=> 'south')
      & ('SELECT sum(amount) AS total FROM region_sales WHERE region = ''west''' |=> 'west') )
 ~> ('SELECT $north::numeric + $south::numeric + $west::numeric AS total' |=> 'everywhere')
 ~> $$INSERT INTO region_report
      SELECT r.region, r.total, round(r.total / $everywhere::numeric, 4)
      FROM (VALUES ('north', $north::numeric), ('south', $south::numeric), ('west', $west::numeric)) AS r (region, total)$$
 ~> 'SELECT count(*) AS regions FROM region_report',
    'report') AS report;

-- A load: refuse what is malformed, then move the rest in batches until nothing is left.
SELECT df.start(
    'INSERT INTO till_refused SELECT id FROM till_lines WHERE sku IS NULL ON CONFLICT DO NOTHING'
 ~> 'DELETE FROM till_lines WHERE sku IS NULL'
 ~> (@> (
        (   'DELETE FROM till_lines
             WHERE id IN (SELECT id FROM till_lines ORDER BY id LIMIT 250)
             RETURNING sku, quantity' |=> 'batch' )
     ~> df.if_rows('batch',
            'INSERT INTO till_facts AS f
             SELECT sku, sum(quantity) FROM $batch.* GROUP BY sku
             ON CONFLICT (sku) DO UPDATE SET quantity = f.quantity + EXCLUDED.quantity',
            df.break())
    ))
 ~> 'SELECT (SELECT sum(quantity) FROM till_facts) AS loaded, (SELECT count(*) FROM till_refused) AS refused',
    'load') AS load;

-- For ever, every minute: how many orders wait. It ends with SELECT df.cancel(...).
SELECT df.start(
    @> (   df.wait_for_schedule('* * * * *')
        ~> 'INSERT INTO pulse (open_orders) SELECT count(*) FROM shop_orders WHERE state = ''waiting''' ),
    'pulse') AS pulse;

SELECT label, status FROM df.list_instances() ORDER BY label;
