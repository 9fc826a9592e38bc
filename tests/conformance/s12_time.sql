-- Sleeps and schedules.

-- [12] a sleep is a number of seconds
SELECT df.start(df.sleep(3600));
--> running
--> after 3500 seconds
SELECT df.status(it());
--> is [["running"]]
--> after 200 seconds
SELECT df.status(it());
--> is [["completed"]]
SELECT 1;
--> completed {"slept": true, "seconds": 3600}

-- [12] a sleep of zero is none
SELECT df.start(df.sleep(0));
--> finished

-- [12] a sleep cannot be negative
SELECT df.start(df.sleep(-1));
--> PGD411
SELECT df.start(df.sleep(n)) FROM (VALUES (-1)) AS v (n);
--> failed 22023: negative

-- [12] a sleep may be a fraction or an interval
SELECT df.start(df.sleep(0.5) |=> 'a' ~> df.sleep('1 minute 30 seconds') |=> 'b' ~> 'SELECT $a.seconds AS a, $b.seconds AS b');
--> rows {"a": 0.5, "b": 90}

-- [12] a sleep survives that nobody was there when it was due
SELECT df.start(df.sleep(60) ~> 'SELECT 1 AS n');
--> running
--> after 30 days
--> rows {"n": 1}

-- [12] a schedule is read when it is compiled
SELECT df.start(df.wait_for_schedule('every day'));
--> PGD415
SELECT df.start(df.wait_for_schedule('60 * * * *'));
--> PGD415
SELECT df.start(df.wait_for_schedule('0 9 * *'));
--> PGD415

-- [12] the next time after the one at which it runs
SELECT df.start(df.wait_for_schedule('*/5 * * * *'));
--> running
SELECT extract(minute FROM wake_at)::int % 5, extract(second FROM wake_at)::int, wake_at > df.now(), wake_at <= df.now() + '5 minutes'
FROM df.waiting(it());
--> is [[0, 0, true, true]]
--> after 5 minutes
--> completed {"scheduled": true}

-- [12] a time that was missed is not made up for
SELECT df.start(@> (df.wait_for_schedule('* * * * *') ~> 'INSERT INTO log (note) VALUES (''tick'')'));
--> running
--> after 1 hour
SELECT count(*) FROM log;
--> is [[1]]

-- [12] days of the week are counted from Sunday as 0 and 7
SELECT df.start(df.wait_for_schedule('0 12 * * 7'));
--> running
SELECT to_char(wake_at AT TIME ZONE 'UTC', 'Dy HH24:MI') FROM df.waiting(it());
--> is [["Sun 12:00"]]
SELECT df.start(df.wait_for_schedule('0 12 * * 0'));
--> running
SELECT to_char(wake_at AT TIME ZONE 'UTC', 'Dy HH24:MI') FROM df.waiting(it());
--> is [["Sun 12:00"]]
SELECT df.start(df.wait_for_schedule('0 12 * * 1'));
--> running
SELECT to_char(wake_at AT TIME ZONE 'UTC', 'Dy HH24:MI') FROM df.waiting(it());
--> is [["Mon 12:00"]]

-- [12] months and days have names
SELECT df.start(df.wait_for_schedule('0 0 1 JAN *'));
--> running
SELECT to_char(wake_at AT TIME ZONE 'UTC', 'DD Mon HH24:MI') FROM df.waiting(it());
--> is [["01 Jan 00:00"]]
SELECT df.start(df.wait_for_schedule('30 6 * * wed'));
--> running
SELECT to_char(wake_at AT TIME ZONE 'UTC', 'Dy HH24:MI') FROM df.waiting(it());
--> is [["Wed 06:30"]]

-- [12] a day of the month or one of the week will do where both are given
SELECT df.start(df.wait_for_schedule('0 0 1 * MON'));
--> running
SELECT wake_at <= df.now() + '7 days' AND (extract(day FROM wake_at AT TIME ZONE 'UTC') = 1 OR extract(isodow FROM wake_at AT TIME ZONE 'UTC') = 1)
FROM df.waiting(it());
--> is [[true]]

-- [12] lists ranges and steps
SELECT df.start(df.wait_for_schedule('1,3-5/2,50/5 8-10 * * *'));
--> running
SELECT extract(minute FROM wake_at AT TIME ZONE 'UTC') IN (1, 3, 5, 50, 55), extract(hour FROM wake_at AT TIME ZONE 'UTC') BETWEEN 8 AND 10 FROM df.waiting(it());
--> is [[true, true]]

-- [12] a schedule is in UTC unless a time zone is named
SELECT df.start(df.wait_for_schedule('0 12 * * *', 'Asia/Kolkata'));
--> running
SELECT to_char(wake_at AT TIME ZONE 'UTC', 'HH24:MI') FROM df.waiting(it());
--> is [["06:30"]]
SELECT df.start(df.wait_for_schedule('0 12 * * *'));
--> running
SELECT to_char(wake_at AT TIME ZONE 'UTC', 'HH24:MI') FROM df.waiting(it());
--> is [["12:00"]]

-- [12] words for common schedules
SELECT df.start(df.wait_for_schedule('@daily'));
--> running
SELECT to_char(wake_at AT TIME ZONE 'UTC', 'HH24:MI') FROM df.waiting(it());
--> is [["00:00"]]

-- [12] there is no field for the year
SELECT df.start(df.wait_for_schedule('0 0 1 1 * 2099'));
--> PGD415

-- [12] signs that cron does not have
SELECT df.start(df.wait_for_schedule('0 0 ? * 1'));
--> PGD415
SELECT df.start(df.wait_for_schedule('0 0 L * *'));
--> PGD415
SELECT df.start(df.wait_for_schedule('0 0 * * 1#2'));
--> PGD415
