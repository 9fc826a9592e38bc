CREATE TABLE events (id int, age int);
INSERT INTO events VALUES (1, 10), (2, 40), (3, 50);
CREATE TABLE archive (id int, age int);
